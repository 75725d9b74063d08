-- Tells which rows need not be sent, and makes the memory forget those that will be: what is sent may change what
-- the destination holds, so from now on nothing is known of it. Notes that they are under way.
-- KEYS about, runs, underway
-- ARGV generation, run, what counts ('skip', 'update', 'none'), '1' = a row may give its keys to another contact, rows
-- → 'lost' (enter again), or a letter for each row: '0' = to be sent, '1' = to be sent, known to be there, '3' = the
--   destination holds it, '4' + 1 (first key) + 2 (second key) = the destination had it, by these keys
local about = redis.call('HMGET', KEYS[1], 'server', 'generation', 'moved', 'quiet')
if about[1] ~= server_id() or about[2] ~= ARGV[1] then return 'lost' end
local now = math.floor(now_us() / 1000)
local live, contested_at_once = {}, tonumber(about[4] or '0') > now
local runs = redis.call('HGETALL', KEYS[2])
for i = 1, #runs, 2 do
  if tonumber(string.sub(runs[i + 1], 2)) >= now then
    live[runs[i]] = true
    if string.sub(runs[i + 1], 1, 1) == 'u' then contested_at_once = true end
  end
end
if not live[ARGV[2]] then return 'lost' end
local moved = about[3] == '1'

-- Under way in two runs at once: nobody knows whose request comes last. A run that is gone has none any more.
local function claim(field, token)
  local noted = redis.call('HGET', KEYS[3], field)
  local contested, others = contested_at_once, ''
  for other in string.gmatch(noted or '', '[^!,]+') do
    if other == token then
      contested = contested or string.sub(noted, 1, 1) == '!'
    elseif live[string.match(other, '^(.*)/')] then
      contested = true
      others = others .. other .. ','
    end
  end
  redis.call('HSET', KEYS[3], field, (contested and '!' or '') .. others .. token)
end

-- What is known of a contact with one key holds as long as nobody moves that key: an update found by another key may,
-- and then the contact has it no longer. The same goes for what the destination had before.
local function answer(content, keys)
  local there, least, mask = false, 3, 0
  for i, key in ipairs(keys) do
    local bytes = bytes_of(key.bucket)
    key.at = find(bytes, key.hash)
    local known = key.at and string.sub(bytes, key.at + 4, key.at + 11)
    if not known or known == NOTHING then
      key.at = nil
      least = -1
    else
      there = true
      local kind = string.byte(known, 8) % 4
      local same = string.sub(known, 1, 7) == string.sub(content, 1, 7)
        and string.byte(known, 8) - kind == string.byte(content, 8)
      least = math.min(least, same and kind or -1)
      if kind % 2 == 1 then mask = mask + i end
    end
  end
  local sent = there and '1' or '0'
  if least == -1 or ARGV[3] == 'none' then return sent end
  if least == 3 and not (moved and #keys == 1) then return '3' end
  if ARGV[3] == 'skip' and not moved then return tostring(4 + mask) end
  return sent
end

local answers = {}
each_row(ARGV[5], function(row, content, keys)
  local said = answer(content, keys)
  answers[#answers + 1] = said
  if said ~= '0' and said ~= '1' then return end
  for _, key in ipairs(keys) do
    if key.at then overwrite(key.bucket, key.at + 4, NOTHING) end
    claim(key.field, ARGV[2] .. '/' .. row)
  end
  if #keys > 1 and ARGV[4] == '1' and not moved then
    redis.call('HSET', KEYS[1], 'moved', 1)
    moved = true
  end
end)
return table.concat(answers)

-- Writes outcomes down, once each however often it is called with them.
-- KEYS state, status, stream, batches, addendum
-- ARGV epoch, batch ('' = the runner itself), token, requests, retries, throttled,
--   [row, code, ...] as JSON (code 0 takes back a mark; those come last), the outcomes of the others as JSON, a line each
-- → ok | gone (Redis lost the run) | closed | stale (another runner took over)
local run = redis.call('HMGET', KEYS[1], 'state', 'epoch')
local state = run[1]
if not state then return 'gone' end
local rows = cjson.decode(ARGV[7])
local function outcomes()
  local lines = {}
  for line in string.gmatch(ARGV[8], '[^\n]+') do lines[#lines + 1] = line end
  return lines
end
if state == 'closed' then
  for _, outcome in ipairs(outcomes()) do redis.call('RPUSH', KEYS[5], outcome) end
  redis.call('EXPIRE', KEYS[5], 2592000)
  return 'closed'
end
-- A worker that lost its batch may still bring the truth that a contact was created; any other word of its is
-- about a request that the new holder repeats, so it could call a row a duplicate of itself.
local stale = run[2] ~= ARGV[1]
if stale and ARGV[2] == '' then return 'stale' end
local fenced = stale or (ARGV[2] ~= '' and redis.call('HGET', KEYS[4], ARGV[2] .. '|t') ~= ARGV[3])
local counter = { [2] = 'failed', [3] = 'failed', [4] = 'skipped', [5] = 'skipped', [6] = 'skipped',
  [7] = 'skipped', [8] = 'skipped', [9] = 'updated', [10] = 'created' }
local moved, told, all = {}, {}, true
if #rows > 0 then
  local get, set = {}, {}
  for i = 1, #rows, 2 do
    get[#get + 1] = 'GET'; get[#get + 1] = 'u4'; get[#get + 1] = '#' .. rows[i]
  end
  local codes = redis.call('BITFIELD', KEYS[2], unpack(get))
  for i = 1, #rows, 2 do
    local old, new = codes[(i + 1) / 2], rows[i + 1]
    local moves
    if new == 0 then moves = old == 1 and not fenced
    else moves = new > old and (new >= 9 or not fenced) end
    if moves then
      set[#set + 1] = 'SET'; set[#set + 1] = 'u4'; set[#set + 1] = get[(i + 1) / 2 * 3]; set[#set + 1] = new
      if counter[old] then moved[counter[old]] = (moved[counter[old]] or 0) - 1 end
      if new > 0 then
        moved[counter[new]] = (moved[counter[new]] or 0) + 1
        told[#told + 1] = (i + 1) / 2
      end
    elseif new > 0 then
      all = false
    end
  end
  if #set > 0 then redis.call('BITFIELD', KEYS[2], unpack(set)) end
end
for name, by in pairs(moved) do
  if by ~= 0 then redis.call('HINCRBY', KEYS[1], name, by) end
end
if ARGV[4] ~= '0' then redis.call('HINCRBY', KEYS[1], 'requests', ARGV[4]) end
if ARGV[5] ~= '0' then redis.call('HINCRBY', KEYS[1], 'retries', ARGV[5]) end
if ARGV[6] ~= '0' then redis.call('HINCRBY', KEYS[1], 'throttled', ARGV[6]) end
if #told > 0 then
  local lines = ARGV[8]
  if not all then
    local each = outcomes()
    for i, at in ipairs(told) do told[i] = each[at] end
    lines = table.concat(told, '\n')
  end
  redis.call('XADD', KEYS[3], '*', 'o', '[' .. string.gsub(lines, '\n', ',') .. ']')
end
return 'ok'

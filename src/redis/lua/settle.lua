-- Writes outcomes down, once each however often it is called with them.
-- KEYS state, status, stream, batches, addendum
-- ARGV epoch, batch ('' = the runner itself), token, requests, retries, throttled, (row, code, outcome JSON)...
-- code 0 takes back a mark. → ok | gone (Redis lost the run) | closed | stale (another runner took over)
local run = redis.call('HMGET', KEYS[1], 'state', 'epoch')
local state = run[1]
if not state then return 'gone' end
if state == 'closed' then
  for i = 7, #ARGV, 3 do
    if tonumber(ARGV[i + 1]) > 1 then redis.call('RPUSH', KEYS[5], ARGV[i + 2]) end
  end
  redis.call('EXPIRE', KEYS[5], 2592000)
  return 'closed'
end
-- A worker that lost its batch may still bring the truth that a contact was created; any other word of its is
-- about a request that the new holder repeats, so it could call a row a duplicate of itself.
local stale = run[2] ~= ARGV[1]
if stale and ARGV[2] == '' then return 'stale' end
local fenced = stale or (ARGV[2] ~= '' and redis.call('HGET', KEYS[4], ARGV[2] .. '|t') ~= ARGV[3])
local counter = { [2] = 'failed', [3] = 'failed', [4] = 'skipped', [5] = 'skipped', [6] = 'skipped',
  [7] = 'skipped', [8] = 'updated', [9] = 'created' }
local get = {}
for i = 7, #ARGV, 3 do
  get[#get + 1] = 'GET'; get[#get + 1] = 'u4'; get[#get + 1] = '#' .. ARGV[i]
end
local moved, set, told = {}, {}, {}
if #get > 0 then
  local codes = redis.call('BITFIELD', KEYS[2], unpack(get))
  for i = 7, #ARGV, 3 do
    local old, new = codes[(i - 4) / 3], tonumber(ARGV[i + 1])
    if new == 0 then
      if old == 1 and not fenced then
        set[#set + 1] = 'SET'; set[#set + 1] = 'u4'; set[#set + 1] = '#' .. ARGV[i]; set[#set + 1] = '0'
      end
    elseif new > old and (new >= 8 or not fenced) then
      set[#set + 1] = 'SET'; set[#set + 1] = 'u4'; set[#set + 1] = '#' .. ARGV[i]; set[#set + 1] = ARGV[i + 1]
      if counter[old] then moved[counter[old]] = (moved[counter[old]] or 0) - 1 end
      moved[counter[new]] = (moved[counter[new]] or 0) + 1
      told[#told + 1] = ARGV[i + 2]
    end
  end
end
if #set > 0 then redis.call('BITFIELD', KEYS[2], unpack(set)) end
for name, by in pairs(moved) do
  if by ~= 0 then redis.call('HINCRBY', KEYS[1], name, by) end
end
if ARGV[4] ~= '0' then redis.call('HINCRBY', KEYS[1], 'requests', ARGV[4]) end
if ARGV[5] ~= '0' then redis.call('HINCRBY', KEYS[1], 'retries', ARGV[5]) end
if ARGV[6] ~= '0' then redis.call('HINCRBY', KEYS[1], 'throttled', ARGV[6]) end
if #told > 0 then redis.call('XADD', KEYS[3], '*', 'o', '[' .. table.concat(told, ',') .. ']') end
return 'ok'

-- Brings a run's state back to what its journal on disk knows; repeatable.
-- KEYS state, status   ARGV epoch, (row, code)...   → ok | stale
-- A server that lost more than rows knows an older epoch, or none.
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if epoch and tonumber(epoch) > tonumber(ARGV[1]) then return 'stale' end
if epoch ~= ARGV[1] then redis.call('HSET', KEYS[1], 'epoch', ARGV[1]) end
local counter = { [2] = 'failed', [3] = 'failed', [4] = 'skipped', [5] = 'skipped', [6] = 'skipped',
  [7] = 'skipped', [8] = 'skipped', [9] = 'updated', [10] = 'created' }
local get = {}
for i = 2, #ARGV, 2 do
  get[#get + 1] = 'GET'; get[#get + 1] = 'u4'; get[#get + 1] = '#' .. ARGV[i]
end
local codes = redis.call('BITFIELD', KEYS[2], unpack(get))
local set, moved = {}, {}
for i = 2, #ARGV, 2 do
  local old, new = codes[i / 2], tonumber(ARGV[i + 1])
  if new > old then
    set[#set + 1] = 'SET'; set[#set + 1] = 'u4'; set[#set + 1] = '#' .. ARGV[i]; set[#set + 1] = ARGV[i + 1]
    if counter[old] then moved[counter[old]] = (moved[counter[old]] or 0) - 1 end
    if counter[new] then moved[counter[new]] = (moved[counter[new]] or 0) + 1 end
  end
end
if #set > 0 then redis.call('BITFIELD', KEYS[2], unpack(set)) end
for name, by in pairs(moved) do redis.call('HINCRBY', KEYS[1], name, by) end
return 'ok'

-- Ends a run: its keys go, a tombstone stays for a day so that late answers are recognised.
-- KEYS state, status, stream, batches   ARGV epoch   → ok | stale
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if epoch and epoch ~= ARGV[1] then return 'stale' end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
redis.call('HSET', KEYS[1], 'state', 'closed')
redis.call('EXPIRE', KEYS[1], 86400)
return 'ok'

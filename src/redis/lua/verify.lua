-- The runner has restored what this server may have lost: rows may be sent again.
-- KEYS state   ARGV epoch, runner, lease ms, started ms, requests, retries, throttled (at least)   → ok | stale
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if epoch and tonumber(epoch) > tonumber(ARGV[1]) then return 'stale' end
local state = redis.call('HGET', KEYS[1], 'state')
if state == 'closed' then return 'stale' end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'runner', ARGV[2], 'started', ARGV[4], 'server', server_id(),
  'alive_until', math.floor(now_us() / 1000) + tonumber(ARGV[3]), 'state', state or 'running')
for i, name in ipairs({ 'requests', 'retries', 'throttled' }) do
  if tonumber(ARGV[4 + i]) > tonumber(redis.call('HGET', KEYS[1], name) or '0') then
    redis.call('HSET', KEYS[1], name, ARGV[4 + i])
  end
end
return 'ok'

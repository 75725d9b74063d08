-- The runner shows it lives and learns what changed.
-- KEYS state   ARGV epoch, lease ms
-- → {condition, HGETALL...}; condition: ok | gone | stale | unverified (the server is another) | lapsed (we were late)
local s = redis.call('HMGET', KEYS[1], 'epoch', 'server', 'alive_until')
if not s[1] then return { 'gone' } end
if s[1] ~= ARGV[1] then return { 'stale' } end
local condition = 'ok'
local ms = math.floor(now_us() / 1000)
if s[2] ~= server_id() then
  condition = 'unverified'
else
  if tonumber(s[3]) < ms then condition = 'lapsed' end
  redis.call('HSET', KEYS[1], 'alive_until', ms + tonumber(ARGV[2]))
end
return { condition, unpack(redis.call('HGETALL', KEYS[1])) }

-- A runner takes the run, under a new epoch.
-- KEYS state   ARGV runner, lease ms, least epoch, a runner known to be dead ('' = none)
-- → {'ok', epoch, '1' when this server had verified state, started ms} | {'alive', runner} | {'closed'}
local now = now_us()
local s = redis.call('HMGET', KEYS[1], 'state', 'epoch', 'server', 'alive_until', 'runner', 'started')
if s[1] == 'closed' then return { 'closed' } end
if s[4] and tonumber(s[4]) * 1000 > now and s[5] ~= ARGV[4] then return { 'alive', s[5] } end
local epoch = math.max(tonumber(s[2] or '0'), tonumber(ARGV[3])) + 1
local known = s[3] == server_id()
local ms = math.floor(now / 1000)
-- Not 'server': only a runner that has restored the run may vouch for this server (verify).
redis.call('HSET', KEYS[1], 'epoch', epoch, 'runner', ARGV[1], 'alive_until', ms + tonumber(ARGV[2]))
if s[1] ~= 'cancelling' then redis.call('HSET', KEYS[1], 'state', 'running') end
redis.call('HDEL', KEYS[1], 'halt_code', 'halt_message')
if not s[6] then redis.call('HSET', KEYS[1], 'started', ms) end
return { 'ok', tostring(epoch), known and '1' or '0', s[6] or tostring(ms) }

-- A runner takes the run, under a new epoch.
-- KEYS state   ARGV runner id, lease ms, least epoch, rows of the meta hash (field, value)...
-- → {'ok', epoch, '1' when this server had verified state, started ms} | {'alive', runner} | {'closed'}
local now = now_us()
local s = redis.call('HMGET', KEYS[1], 'state', 'epoch', 'server', 'alive_until', 'runner', 'started')
if s[1] == 'closed' then return { 'closed' } end
if s[4] and tonumber(s[4]) * 1000 > now and s[5] ~= ARGV[1] then return { 'alive', s[5] } end
local epoch = math.max(tonumber(s[2] or '0'), tonumber(ARGV[3])) + 1
local known = s[3] == server_id()
local ms = math.floor(now / 1000)
redis.call('HSET', KEYS[1], 'epoch', epoch, 'runner', ARGV[1], 'alive_until', ms + tonumber(ARGV[2]),
  'server', server_id())
if s[1] ~= 'cancelling' then redis.call('HSET', KEYS[1], 'state', 'running') end
redis.call('HDEL', KEYS[1], 'halt_code', 'halt_message')
for i = 4, #ARGV, 2 do redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1]) end
if not s[6] then redis.call('HSET', KEYS[1], 'started', ms) end
return { 'ok', tostring(epoch), known and '1' or '0', s[6] or tostring(ms) }

-- Somebody who would not wait for so long tries at once: a wait that is longer is forgotten. The API may ask for it again.
-- KEYS pace   ARGV longest wait µs   → 1 when there was one
local till = tonumber(redis.call('HGET', KEYS[1], 'asked_until') or '0')
if till - now_us() <= tonumber(ARGV[1]) then return 0 end
redis.call('HDEL', KEYS[1], 'tat', 'asked_until', 'asked')
return 1

-- The API asked everybody to wait: no slot before then. KEYS pace   ARGV wait µs
local till = now_us() + math.min(tonumber(ARGV[1]), 86400000000)
local tat = tonumber(redis.call('HGET', KEYS[1], 'tat') or '0')
if till > tat then redis.call('HSET', KEYS[1], 'tat', string.format('%.0f', till)) end
return 1

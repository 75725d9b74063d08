-- The API asked everybody to wait: no slot before then.
-- KEYS pace   ARGV wait µs, words for those who watch
local till = now_us() + math.min(tonumber(ARGV[1]), 86400000000)
local tat = tonumber(redis.call('HGET', KEYS[1], 'tat') or '0')
if till > tat then
  local us = string.format('%.0f', till)
  redis.call('HSET', KEYS[1], 'tat', us, 'asked_until', us, 'asked', ARGV[2])
end
return 1

-- The API asked everybody to wait: no slot before then.
-- KEYS pace   ARGV wait µs, words for those who watch, 1 = it did not say for how long: everybody goes slower afterwards,
--   half as fast again each time; that is forgotten by halves (see pace_reserve.lua)
local now = now_us()
local till = now + tonumber(ARGV[1])
local before = redis.call('HMGET', KEYS[1], 'tat', 'asked_until')
-- Several processes that are told at once are told once.
if ARGV[3] == '1' and tonumber(before[2] or '0') <= now then
  redis.call('HSET', KEYS[1], 'slow', math.min(64, 1.5 * slowness(KEYS[1], now)), 'slow_at', string.format('%.0f', now))
end
if till > tonumber(before[1] or '0') then
  local us = string.format('%.0f', till)
  redis.call('HSET', KEYS[1], 'tat', us, 'asked_until', us, 'asked', ARGV[2])
end
return 1

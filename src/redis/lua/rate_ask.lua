-- A living run asks for its rate, until its lease ends in Redis's clock: that of its runner may be another.
-- KEYS pace   ARGV run, 'requests window-µs interval-µs', lease ms
return redis.call('HSET', KEYS[1], 'r:' .. ARGV[1], ARGV[2] .. ' ' .. string.format('%.0f', now_us() / 1000 + ARGV[3]))

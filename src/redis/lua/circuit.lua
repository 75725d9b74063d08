-- Opens (or keeps open) or closes the account's circuit.
-- 'again': the API answers, but not this row; the next probe soon, with another row.
-- KEYS pace   ARGV 'trip' | 'close' | 'again', first pause µs, longest pause µs, words for those who watch
--   → pause µs until the next probe
if ARGV[1] == 'close' then
  redis.call('HDEL', KEYS[1], 'open_until', 'probe_until', 'trips')
  return 0
end
local now = now_us()
if ARGV[1] == 'again' then
  redis.call('HDEL', KEYS[1], 'probe_until', 'trips')
  redis.call('HSET', KEYS[1], 'open_until', string.format('%.0f', now + tonumber(ARGV[2])), 'said', ARGV[4])
  return tonumber(ARGV[2])
end
local open_until = tonumber(redis.call('HGET', KEYS[1], 'open_until') or '0')
if open_until > now then return open_until - now end
local trips = redis.call('HINCRBY', KEYS[1], 'trips', 1)
local pause = math.min(tonumber(ARGV[3]), tonumber(ARGV[2]) * 2 ^ math.min(trips - 1, 30))
redis.call('HSET', KEYS[1], 'open_until', string.format('%.0f', now + pause), 'said', ARGV[4])
redis.call('HDEL', KEYS[1], 'probe_until')
return pause

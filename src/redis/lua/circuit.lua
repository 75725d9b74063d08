-- Opens (or keeps open) or closes the account's circuit, or notes that the API lives.
-- KEYS pace   ARGV what, pause µs, of 'trip' the longest pause, else for how long the API counts as living, µs,
--   words for those who watch
--   trip    the API is down: the next probe after a pause that doubles each time
--   again   the probe is back: the next one after the pause
--   lives   a look-up was answered
--   close
-- → pause µs until the next probe
if ARGV[1] == 'close' then
  redis.call('HDEL', KEYS[1], 'open_until', 'probe_until', 'trips', 'lives_until')
  return 0
end
local now = now_us()
local open_until = tonumber(redis.call('HGET', KEYS[1], 'open_until') or '0')
if ARGV[1] == 'trip' then
  redis.call('HDEL', KEYS[1], 'lives_until')
  redis.call('HSET', KEYS[1], 'said', ARGV[4])
  if open_until > now then return open_until - now end
  local trips = redis.call('HINCRBY', KEYS[1], 'trips', 1)
  local pause = math.min(tonumber(ARGV[3]), tonumber(ARGV[2]) * 2 ^ math.min(trips - 1, 30))
  redis.call('HSET', KEYS[1], 'open_until', string.format('%.0f', now + pause))
  redis.call('HDEL', KEYS[1], 'probe_until')
  return pause
end
if open_until == 0 then return 0 end
if tonumber(ARGV[3]) > 0 then
  redis.call('HSET', KEYS[1], 'lives_until', string.format('%.0f', now + tonumber(ARGV[3])))
end
if ARGV[1] == 'lives' then return math.max(0, open_until - now) end
redis.call('HDEL', KEYS[1], 'probe_until', 'trips')
redis.call('HSET', KEYS[1], 'open_until', string.format('%.0f', now + tonumber(ARGV[2])), 'said', ARGV[4])
return tonumber(ARGV[2])

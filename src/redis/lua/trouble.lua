-- Adds to the last errors of an account: each kind, told apart by its words, stands there once, the latest first.
-- KEYS trouble   ARGV how many are kept, how long the list is kept after the last one, ms,
--   then of each kind: words, HTTP status (0: none), when it came first and last, ms, how often
-- Lines are `<HTTP status> <first ms> <last ms> <how often> <words>`.
for i = 3, #ARGV, 5 do
  local words, since, times = ARGV[i], ARGV[i + 2], tonumber(ARGV[i + 4])
  for _, line in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
    local first, before, said = string.match(line, '^%d+ (%d+) %d+ (%d+) (.*)$')
    if said == words then
      since = first
      times = times + tonumber(before)
      redis.call('LREM', KEYS[1], 0, line)
    end
  end
  local line = string.format('%s %s %s %.0f %s', ARGV[i + 1], since, ARGV[i + 3], times, words)
  redis.call('LPUSH', KEYS[1], line)
end
redis.call('LTRIM', KEYS[1], 0, tonumber(ARGV[1]) - 1)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1

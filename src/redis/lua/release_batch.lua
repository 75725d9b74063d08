-- A worker lets a batch go without having died.
-- KEYS batches   ARGV batch, token, '1' when nothing of it is left
if redis.call('HGET', KEYS[1], ARGV[1] .. '|t') ~= ARGV[2] then return 0 end
if ARGV[3] == '1' then
  redis.call('HDEL', KEYS[1], ARGV[1] .. '|t', ARGV[1] .. '|c', ARGV[1] .. '|m')
else
  if redis.call('HGET', KEYS[1], ARGV[1] .. '|m') == ARGV[2] then
    redis.call('HINCRBY', KEYS[1], ARGV[1] .. '|c', -1)
  end
  redis.call('HDEL', KEYS[1], ARGV[1] .. '|t', ARGV[1] .. '|m')
end
return 1

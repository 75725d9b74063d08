-- A run enters the account's memory, or shows that it is still there.
-- KEYS about, runs, underway
-- ARGV run, for how long it counts as being there, ms, '1' = makes a memory where there is none, '1' = the server keeps
--   all it ever answered, the generation it knows ('' = it comes, '-' = it came when there was no memory), quiet ms
-- → the generation, or '' = there is no memory
local now = math.floor(now_us() / 1000)
local runs = redis.call('HGETALL', KEYS[2])
for i = 1, #runs, 2 do
  if tonumber(string.sub(runs[i + 1], 2)) < now and runs[i] ~= ARGV[1] then redis.call('HDEL', KEYS[2], runs[i]) end
end
-- What nobody comes back to goes by itself.
local function present(how)
  redis.call('HSET', KEYS[2], ARGV[1], how .. string.format('%.0f', now + tonumber(ARGV[2])))
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
  redis.call('PEXPIRE', KEYS[3], ARGV[2])
end
local about = redis.call('HMGET', KEYS[1], 'server', 'generation', 'quiet', 'durable')
local before = redis.call('HGET', KEYS[2], ARGV[1])
local known = ARGV[5]
-- Its rows under way are noted nowhere: as long as it is there nothing is learned of what others send.
if known == '-' or (known == '' and not about[1] and ARGV[3] ~= '1') then
  present('u')
  return ''
end
local server, generation = server_id(), about[2]
local quiet = before and string.sub(before, 1, 1) == 'u'
-- Another server than it was made on may be older than what runs have sent since, and a memory that others have made
-- anew knows nothing of our rows.
local kept = about[1] == server or (about[4] == '1' and ARGV[4] == '1')
local ours = known == '' or known == generation or tonumber(about[3] or '0') > now
if not about[1] or not kept or not ours then
  for from = 0, BUCKETS - 1, 1024 do
    local keys = {}
    for bucket = from, from + 1023 do keys[#keys + 1] = bucket_key(bucket) end
    redis.call('UNLINK', unpack(keys))
  end
  quiet = quiet or about[1] or known ~= ''
  redis.call('DEL', KEYS[1])
  generation = string.format('%.0f', now_us())
end
redis.call('HSET', KEYS[1], 'server', server, 'generation', generation, 'durable', ARGV[4])
if quiet then redis.call('HSET', KEYS[1], 'quiet', string.format('%.0f', now + tonumber(ARGV[6]))) end
present('a')
return generation

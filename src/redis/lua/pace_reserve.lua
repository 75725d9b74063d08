-- The account's pace: slots at even intervals, held up by a log of when the newest requests can have reached the API at
-- the latest: a request may go when the n-th newest is a window ago, so that no sliding window holds more than n,
-- whatever was late. Slots that were missed a moment ago (a process stood still) are made up for at a third more than
-- the rate; the log sees to it that this is no burst either.
-- KEYS pace, log (slot → µs)
-- ARGV slots wanted, horizon µs, longest time to make up for µs, fallback 'requests window-µs interval-µs' (all 0 = no limit), and about slots granted before, each
--   with its µs: when its request can have arrived (0 = it was not used)
-- → {granted, µs between two requests (0 = no limit), now µs, wait µs when nothing was granted, 'open' | 'probe' | '',
--    1 when the circuit is open and the API lives: slots are granted then, for rows that failed before,
--    µs of each slot, or of all when there is no limit}
local now = now_us()
local unused = 0
for i = 5, #ARGV, 2 do
  if ARGV[i + 1] == '0' then unused = unused + redis.call('ZREM', KEYS[2], ARGV[i])
  else redis.call('ZADD', KEYS[2], 'XX', ARGV[i + 1], ARGV[i]) end
end
local fields = redis.call('HGETALL', KEYS[1])
local tat, last, open_until, probe_until, lives_until, asked = now, 0, nil, 0, 0, {}
local paused, slow, slow_at
for i = 1, #fields, 2 do
  local name, value = fields[i], fields[i + 1]
  if name == 'tat' then tat = tonumber(value)
  elseif name == 'last' then last = tonumber(value)
  elseif name == 'open_until' then open_until = tonumber(value)
  elseif name == 'paused' then paused = true
  elseif name == 'slow' then slow = tonumber(value)
  elseif name == 'slow_at' then slow_at = tonumber(value)
  elseif name == 'probe_until' then probe_until = tonumber(value)
  elseif name == 'lives_until' then lives_until = tonumber(value)
  elseif string.sub(name, 1, 2) == 'r:' then
    local rate, expires = string.match(value, '(%d+ %d+ %d+) (%d+)')
    if expires and tonumber(expires) * 1000 > now then asked[#asked + 1] = rate end
  end
end
if #asked == 0 then asked[1] = ARGV[4] end
-- The lowest rate that a living run asks for wins.
local most, window, interval = 0, 0, 0
for _, rate in ipairs(asked) do
  local n, per, every = string.match(rate, '(%d+) (%d+) (%d+)')
  if tonumber(every) > interval then most, window, interval = tonumber(n), tonumber(per), tonumber(every) end
end
if slow then interval = math.floor(interval * slowed(slow, slow_at, now)) end
local wanted = tonumber(ARGV[1])
local circuit, lives, pause = '', 0, 0
-- By hand: no slot, neither for a probe. Asked for again soon, as it may be resumed at any time.
if paused then tat = math.max(tat, now + tonumber(ARGV[2]) + 500000) end
if open_until then
  circuit, pause = 'open', open_until - now
  if pause <= 0 then
    -- One probe at a time while the circuit is half open; if its sender dies, the next may try.
    if now < probe_until then pause = 100000 else circuit = 'probe' end
  end
  if now < lives_until then lives = 1 end
  if circuit == 'open' and (lives == 0 or wanted == 0) then
    return { 0, interval, now, pause, circuit, lives }
  end
end
if circuit == 'probe' then wanted = 1 end
local till = now + tonumber(ARGV[2])
local reply = { 0, interval, now, 0, circuit, lives }
-- After a rest nothing was missed.
local missed = now - last < window and tonumber(ARGV[3]) or 0
tat = math.max(tat - unused * interval, now - missed)
local at = math.max(tat, now)
if most == 0 then
  if at <= till then reply[1], reply[7] = wanted, at end
else
  while reply[1] < wanted do
    at = math.max(at, tat, last + interval * 0.75)
    local oldest = redis.call('ZRANGE', KEYS[2], -most, -most, 'WITHSCORES')[2]
    if oldest then at = math.max(at, tonumber(oldest) + window) end
    if at > till then break end
    local slot = string.format('%.0f', at)
    redis.call('ZADD', KEYS[2], slot, slot)
    reply[1] = reply[1] + 1
    reply[#reply + 1] = at
    last = at
    tat = math.max(tat + interval, at - missed)
  end
  if reply[1] > 0 then
    redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -most - 1)
    redis.call('PEXPIRE', KEYS[2], math.ceil((window + last - now) / 1000) + 1000)
    redis.call('HSET', KEYS[1], 'last', string.format('%.0f', last))
  end
end
if reply[1] == 0 then
  if open_until then reply[5] = 'open' end
  reply[4] = math.max(0, at - till)
  return reply
end
if circuit == 'probe' then redis.call('HSET', KEYS[1], 'probe_until', now + 10000000) end
redis.call('HSET', KEYS[1], 'tat', string.format('%.0f', tat))
return reply

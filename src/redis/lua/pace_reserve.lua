-- The account's pace: a generic cell rate algorithm whose state is the time of the next free slot.
-- KEYS pace   ARGV slots wanted, horizon µs, fallback interval µs
-- → {granted, first slot µs, interval µs, now µs, wait µs when nothing was granted, 'open' | 'probe' | '',
--    1 when the circuit is open and the API lives: slots are granted then, for rows that failed before}
local now = now_us()
local fields = redis.call('HGETALL', KEYS[1])
local tat, open_until, probe_until, lives_until, interval = now, nil, 0, 0, nil
local paused
for i = 1, #fields, 2 do
  local name, value = fields[i], fields[i + 1]
  if name == 'tat' then tat = math.max(now, tonumber(value))
  elseif name == 'open_until' then open_until = tonumber(value)
  elseif name == 'paused' then paused = true
  elseif name == 'probe_until' then probe_until = tonumber(value)
  elseif name == 'lives_until' then lives_until = tonumber(value)
  elseif string.sub(name, 1, 2) == 'r:' then
    -- The lowest rate (longest interval) that a living run asks for wins.
    local every, expires = string.match(value, '(%d+) (%d+)')
    if tonumber(expires) * 1000 > now then interval = math.max(interval or 0, tonumber(every)) end
  end
end
interval = interval or tonumber(ARGV[3])
local granted = tonumber(ARGV[1])
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
  if circuit == 'open' and (lives == 0 or granted == 0) then
    return { 0, 0, interval, now, pause, circuit, lives }
  end
end
local ahead = now + tonumber(ARGV[2]) - tat
if ahead < 0 then return { 0, 0, interval, now, -ahead, open_until and 'open' or '', lives } end
if interval > 0 then granted = math.min(granted, math.floor(ahead / interval) + 1) end
if circuit == 'probe' then
  granted = 1
  redis.call('HSET', KEYS[1], 'probe_until', now + 10000000)
end
redis.call('HSET', KEYS[1], 'tat', string.format('%.0f', tat + granted * interval))
return { granted, tat, interval, now, 0, circuit, lives }

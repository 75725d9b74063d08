-- Put before every script that gives leave to send or takes the runner's word.
local function now_us()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000000 + tonumber(t[2])
end

-- Redis's own identity: it changes with every start, so a server that came back (and may have lost its last
-- second) is told from the one the run was verified on, in the same atomic step as the decision.
local function server_id()
  return string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
end

-- How many times slower than asked for requests go, since the API was last too fast for us without saying by how much.
local function slowed(factor, at, now)
  return 1 + (factor - 1) * 0.5 ^ ((now - at) / 60000000)
end
local function slowness(pace_key, now)
  local slow = redis.call('HMGET', pace_key, 'slow', 'slow_at')
  if not slow[1] then return 1 end
  return slowed(tonumber(slow[1]), tonumber(slow[2]), now)
end

-- 'ok', or why rows of this run must not be sent now.
local function guard(state_key, epoch)
  local s = redis.call('HMGET', state_key, 'state', 'epoch', 'server', 'alive_until')
  if not s[1] then return 'gone' end
  if s[1] ~= 'running' then return s[1] end
  if s[2] ~= epoch then return 'stale' end
  if s[3] ~= server_id() then return 'unverified' end
  if tonumber(s[4]) * 1000 < now_us() then return 'orphaned' end
  return 'ok'
end

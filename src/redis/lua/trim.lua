-- Drops journaled outcomes. KEYS state, stream   ARGV epoch, last journaled id   → entries dropped, -1 = stale
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return -1 end
local ms, seq = string.match(ARGV[2], '(%d+)-(%d+)')
redis.call('HSET', KEYS[1], 'trimmed', ARGV[2])
return redis.call('XTRIM', KEYS[2], 'MINID', ms .. '-' .. string.format('%.0f', tonumber(seq) + 1))

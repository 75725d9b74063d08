-- A worker takes a batch: a new token fences whoever held it before; the count tells a batch that kills workers.
-- KEYS state, batches   ARGV epoch, batch, token   → {condition, crashes}
local condition = guard(KEYS[1], ARGV[1])
if condition ~= 'ok' then return { condition, 0 } end
redis.call('HSET', KEYS[2], ARGV[2] .. '|t', ARGV[3])
return { 'ok', redis.call('HINCRBY', KEYS[2], ARGV[2] .. '|c', 1) - 1 }

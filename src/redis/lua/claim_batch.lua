-- A worker takes a batch: a new token fences whoever held it before. `crashes` = holders that sent rows of it and
-- never let go; one that died while it waited for its turn proves nothing against the batch.
-- KEYS state, batches   ARGV epoch, batch, token   → {condition, crashes}
local condition = guard(KEYS[1], ARGV[1])
if condition ~= 'ok' then return { condition, 0 } end
redis.call('HSET', KEYS[2], ARGV[2] .. '|t', ARGV[3])
return { 'ok', tonumber(redis.call('HGET', KEYS[2], ARGV[2] .. '|c') or '0') }

-- Moves a run to another state if it is in one of those named.
-- KEYS state   ARGV new state, from states joined by ',', (field, value)...   → the state it is in afterwards
local state = redis.call('HGET', KEYS[1], 'state')
local from = ',' .. ARGV[2] .. ','
if state and not string.find(from, ',' .. state .. ',', 1, true) then return state end
if not state and not string.find(from, ',-,', 1, true) then return '-' end
redis.call('HSET', KEYS[1], 'state', ARGV[1])
for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
return ARGV[1]

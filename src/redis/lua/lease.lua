-- Takes or prolongs a lease that is free, one's own, or that of a holder known to be dead; 0 ms gives it back.
-- KEYS lease   ARGV who asks, ms, the dead holder or ''   → 'taken', 'kept', or its holder
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] and holder ~= ARGV[3] then return holder end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return holder == ARGV[1] and 'kept' or 'taken'

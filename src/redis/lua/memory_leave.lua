-- A run has come to its end: none of its rows is under way.   KEYS runs, underway   ARGV run
redis.call('HDEL', KEYS[1], ARGV[1])
if redis.call('HLEN', KEYS[1]) == 0 then redis.call('DEL', KEYS[2]) end
return 'ok'

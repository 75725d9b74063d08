-- Leave to send: marks rows as attempted and tells what they were before.
-- KEYS state, status, batches, pace   ARGV epoch, batch, token, [row, ...] as JSON
-- → {condition, code before...}; no codes: all were 0. The rows are marked only when the condition is 'ok'.
-- Without rows: only asks. Nothing is marked while the account is paused by hand: nothing would be sent.
local condition = guard(KEYS[1], ARGV[1])
if condition == 'ok' and redis.call('HGET', KEYS[3], ARGV[2] .. '|t') ~= ARGV[3] then condition = 'fenced' end
if condition == 'ok' and redis.call('HEXISTS', KEYS[4], 'paused') == 1 then condition = 'paused' end
local rows = cjson.decode(ARGV[4])
if condition ~= 'ok' or #rows == 0 then return { condition } end
if redis.call('HGET', KEYS[3], ARGV[2] .. '|m') ~= ARGV[3] then
  redis.call('HSET', KEYS[3], ARGV[2] .. '|m', ARGV[3])
  redis.call('HINCRBY', KEYS[3], ARGV[2] .. '|c', 1)
end
local get, set = {}, {}
for _, row in ipairs(rows) do
  get[#get + 1] = 'GET'; get[#get + 1] = 'u4'; get[#get + 1] = '#' .. row
end
local codes = redis.call('BITFIELD', KEYS[2], unpack(get))
for i, code in ipairs(codes) do
  if code == 0 then
    set[#set + 1] = 'SET'; set[#set + 1] = 'u4'; set[#set + 1] = get[i * 3]; set[#set + 1] = '1'
  end
end
if #set > 0 then redis.call('BITFIELD', KEYS[2], unpack(set)) end
if #set == 4 * #rows then return { 'ok' } end
return { 'ok', unpack(codes) }

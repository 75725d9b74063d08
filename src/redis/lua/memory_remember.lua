-- Rows are not under way any more; of those that tell something the memory keeps it, unless another run had the same
-- contact under way meanwhile.
-- KEYS about, underway   ARGV generation, run, rows: of each key what is known of it, 255 = nothing   → ok | lost
local about = redis.call('HMGET', KEYS[1], 'server', 'generation')
if about[1] ~= server_id() or about[2] ~= ARGV[1] then return 'lost' end

-- Takes the row's note away. False when it is not alone on this key, or the key was not noted at all.
local function release(field, token)
  local noted = redis.call('HGET', KEYS[2], field)
  if not noted then return false end
  if noted == token then
    redis.call('HDEL', KEYS[2], field)
    return true
  end
  local others, had = {}, false
  for other in string.gmatch(noted, '[^!,]+') do
    if other == token then had = true else others[#others + 1] = other end
  end
  if had and #others == 0 then redis.call('HDEL', KEYS[2], field)
  elseif had then redis.call('HSET', KEYS[2], field, '!' .. table.concat(others, ',')) end
  return false
end

each_row(ARGV[3], function(row, content, keys)
  local sure = true
  for _, key in ipairs(keys) do
    if not release(key.field, ARGV[2] .. '/' .. row) or key.kind == 255 then sure = false end
  end
  if not sure then return end
  for _, key in ipairs(keys) do
    local bytes = bytes_of(key.bucket)
    local known = string.sub(content, 1, 7) .. string.char(string.byte(content, 8) + key.kind)
    local at = find(bytes, key.hash)
    if at then
      overwrite(key.bucket, at + 4, known)
    else
      at = find(bytes, FREE)
      if at then overwrite(key.bucket, at, key.hash .. known)
      else append(key.bucket, key.hash .. known) end
    end
  end
end)
return 'ok'

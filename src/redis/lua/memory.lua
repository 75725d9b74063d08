-- Put before the scripts of an account's memory (KEYS[1]: the hash about it; its buckets are named after that).
--
-- A bucket is a string of records, twelve bytes each: four of a key's hash, eight of the content's hash, whose two
-- lowest bits say what is known: 3 = the destination holds this content, 1 = it had the key before this content came,
-- 0 = it had another key of the contact. Content of zeros: the key's last contact is under way, or went wrong.
local WIDTH, NOTHING, FREE = 12, string.rep('\0', 8), string.rep('\0', 12)
local BUCKETS = 16384
local buckets = {}

local function bucket_key(bucket) return KEYS[1] .. ':' .. bucket end

local function bytes_of(bucket)
  local bytes = buckets[bucket]
  if not bytes then
    bytes = redis.call('GET', bucket_key(bucket)) or ''
    buckets[bucket] = bytes
  end
  return bytes
end

-- Where a record begins with `start`.
local function find(bytes, start)
  local at = 1
  while true do
    local found = string.find(bytes, start, at, true)
    if not found or (found - 1) % WIDTH == 0 then return found end
    at = found + 1
  end
end

local function overwrite(bucket, at, piece)
  local bytes = buckets[bucket]
  redis.call('SETRANGE', bucket_key(bucket), at - 1, piece)
  buckets[bucket] = string.sub(bytes, 1, at - 1) .. piece .. string.sub(bytes, at + #piece)
end

-- APPEND would double what is allocated. SET takes what is needed, and the allocator rounds that up to a quarter of a
-- power of two: what it adds is taken for free records, so that not every new key writes the whole bucket anew.
local function append(bucket, record)
  local bytes = buckets[bucket] .. record
  local _, exponent = math.frexp(#bytes + 5)
  local step = math.max(16, 2 ^ (exponent - 3))
  local allocated = math.ceil((#bytes + 6) / step) * step
  bytes = bytes .. string.rep(FREE, math.floor((allocated - 6 - #bytes) / WIDTH))
  redis.call('SET', bucket_key(bucket), bytes)
  buckets[bucket] = bytes
end

local function number_at(text, at, bytes)
  local number = 0
  for i = at, at + bytes - 1 do number = number * 256 + string.byte(text, i) end
  return number
end

-- The rows in `packed`: four bytes row, one number of keys, eight content, then each key: two bytes bucket, four hash,
-- one what is known.
local function each_row(packed, see)
  local at = 1
  while at <= #packed do
    local row, count = number_at(packed, at, 4), string.byte(packed, at + 4)
    local content = string.sub(packed, at + 5, at + 12)
    local keys = {}
    for i = 1, count do
      local from = at + 13 + (i - 1) * 7
      keys[i] = { bucket = number_at(packed, from, 2), hash = string.sub(packed, from + 2, from + 5),
        field = string.sub(packed, from, from + 5), kind = string.byte(packed, from + 6) }
    end
    see(string.format('%.0f', row), content, keys)
    at = at + 13 + count * 7
  end
end

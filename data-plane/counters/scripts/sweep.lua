-- Forgets counts that nothing needs any more: each begins with the moment until which it is needed, and a lease, which begins with 0, is
-- needed until nobody holds it.
-- KEYS: hash of counts. ARGV: cursor, how many to look at. Answers the next cursor.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local page = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local fields = page[2]
local over = {}
for index = 1, #fields, 2 do
  local expireAt, held = struct.unpack('<i8i8', fields[index + 1])
  if expireAt == 0 and held == 0 or expireAt > 0 and expireAt <= now then over[#over + 1] = fields[index] end
end
if #over > 0 then redis.call('HDEL', KEYS[1], unpack(over)) end
return page[1]

-- Keeps the leases and the intent of a request that is still under way.
-- KEYS[1] intents hash. ARGV: key prefix, lifetime of intents in ms, request id, then leases (key, ttl).
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function whole(number) return string.format('%.0f', number) end
local id = ARGV[3]
local trace = redis.call('HGET', KEYS[1], id)
if not trace then return 0 end
redis.call('HSET', KEYS[1], id, whole(now + tonumber(ARGV[2])) .. string.sub(trace, string.find(trace, '\n', 1, true), -1))
for index = 4, #ARGV, 2 do
  local name, ttl = ARGV[1] .. ARGV[index], tonumber(ARGV[index + 1])
  redis.call('ZADD', name, 'XX', whole(now + ttl), id)
  redis.call('PEXPIRE', name, whole(ttl * 2))
end
return 1

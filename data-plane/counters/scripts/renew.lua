-- Keeps a request that is still under way open, and with it its leases.
-- KEYS: hash of open requests. ARGV: for how many ms, request id.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local trace = redis.call('HGET', KEYS[1], ARGV[2])
if not trace then return 0 end
redis.call('HSET', KEYS[1], ARGV[2], string.format('%d', now + tonumber(ARGV[1])) .. string.sub(trace, string.find(trace, '\n', 1, true), -1))
return 1

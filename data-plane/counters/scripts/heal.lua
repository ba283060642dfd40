-- Puts a fresh session of a server's in the place of one that it forgot, unless something else stands there by now; answers what stands there afterwards.
-- KEYS: entry of the session. ARGV: the forgotten one, the fresh one, for how many ms.
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return held end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return ARGV[2]

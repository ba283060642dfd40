-- Says since when this Redis, with the memory that it has, is known to the nodes.
-- KEYS: greeting. ARGV: run id. Answers run id and moment in ms; the moment is now for whoever greets it first.
local greeting = redis.call('GET', KEYS[1])
if greeting and string.sub(greeting, 1, #ARGV[1]) == ARGV[1] then return greeting end
local time = redis.call('TIME')
greeting = ARGV[1] .. ' ' .. string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('SET', KEYS[1], greeting)
return greeting

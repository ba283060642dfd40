-- Tells a Redis that may have lost its memory which requests a node has under way. Those that it still knows are left as they are.
-- KEYS: hash of open requests, hash of intents, hash of counts. ARGV: greeting and generation (epoch.lua), lifetime of an open request in ms, then of each
--   request its id, the rest of its trace, and its intent. Answers how many it did not know.
-- What holds in windows is counted with everything else when those are counted again. Where that was done without it, windows are closed once more.
local OPEN, INTENTS, COUNTS = KEYS[1], KEYS[2], KEYS[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local epoch = redis.call('HGET', COUNTS, 'epoch')
local isCounting = isOpen(epoch, ARGV[1], ARGV[2])
-- A node that knows this generation has told everything, and what it does not find here any more has been settled.
if isCounting and select(2, struct.unpack('<i8i8', epoch)) == tonumber(ARGV[2]) then return 0 end
-- A copy of this very Redis from before that generation is not what the control plane takes to be counted.
local isMissing = epoch and not isCounting and string.sub(epoch, 17) == ARGV[1]
local expireAt = string.format('%d', now + tonumber(ARGV[3])) .. '\n'
local reopened = 0

local function lease(key)
  local state = redis.call('HGET', COUNTS, key)
  local count = state and select(2, struct.unpack('<i8i8', state)) or 0
  redis.call('HSET', COUNTS, key, struct.pack('<i8i8', 0, count + 1))
end

for index = 4, #ARGV, 3 do
  local id, trace, intent = ARGV[index], ARGV[index + 1], ARGV[index + 2]
  if redis.call('HSETNX', OPEN, id, expireAt .. trace) == 1 then
    redis.call('HSET', INTENTS, id, intent)
    local leases, names = string.match(intent, '^(%d+)([^\n]*)\n')
    local left = tonumber(leases)
    for key in string.gmatch(names, '%S+') do
      if left > 0 then lease(key) else isMissing = true end
      left = left - 1
    end
    reopened = reopened + 1
  end
end
if isMissing then redis.call('HDEL', COUNTS, 'epoch') end
return reopened

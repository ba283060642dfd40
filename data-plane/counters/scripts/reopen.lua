-- Tells a Redis that may have lost its memory which requests a node has under way. Those that it still knows are left as they are.
-- KEYS: hash of open requests, hash of intents, hash of counts. ARGV: run id and generation (epoch.lua), lifetime of an open request in ms, then of each
--   request its id, the rest of its trace, and its intent. Answers how many it did not know.
-- While windows are closed their holds are counted with everything else when those are counted again; a node that comes later adds its own.
local OPEN, INTENTS, COUNTS = KEYS[1], KEYS[2], KEYS[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local epoch = redis.call('HGET', COUNTS, 'epoch')
local isCounting = isOpen(epoch, ARGV[1], ARGV[2])
-- A node that knows this generation has told everything, and what it does not find here any more has been settled.
if isCounting and select(2, struct.unpack('<i8i8', epoch)) == tonumber(ARGV[2]) then return 0 end
local expireAt = string.format('%d', now + tonumber(ARGV[3])) .. '\n'
local reopened = 0

local function lease(key)
  local state = redis.call('HGET', COUNTS, key)
  local count = state and select(2, struct.unpack('<i8i8', state)) or 0
  redis.call('HSET', COUNTS, key, struct.pack('<i8i8', 0, count + 1))
end

local function hold(key, amount)
  local state = redis.call('HGET', COUNTS, key)
  if not state then return end
  local expire, used, reserved = struct.unpack('<i8i8i8', state)
  redis.call('HSET', COUNTS, key, struct.pack('<i8i8i8', expire, used, reserved + amount))
end

for index = 4, #ARGV, 3 do
  local id, trace, intent = ARGV[index], ARGV[index + 1], ARGV[index + 2]
  if redis.call('HSETNX', OPEN, id, expireAt .. trace) == 1 then
    redis.call('HSET', INTENTS, id, intent)
    local leases, names, amounts = string.match(intent, '^(%d+)([^\n]*)\n([^\n]*)\n')
    local nextAmount = string.gmatch(amounts, '%d+')
    local left = tonumber(leases)
    for key in string.gmatch(names, '%S+') do
      if left > 0 then lease(key) elseif isCounting then hold(key, tonumber(nextAmount())) end
      left = left - 1
    end
    reopened = reopened + 1
  end
end
return reopened

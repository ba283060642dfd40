-- Writes what was used of an organisation's windows, and what is held in them by the requests that the nodes have under way, and opens the windows.
-- KEYS: hash of open requests, hash of intents, hash of counts, lock. ARGV: the lock's token, greeting of the Redis that was asked, number of windows, of each
--   window its key, until when it is kept, and what was used, then of each request that was under way its id, and 1 if it has a record already, else 0.
-- Answers 1, or 0, having written nothing, when the lock is not ours any more, windows are open, or the nodes have told of further requests since.
local OPEN, INTENTS, COUNTS, LOCK = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local greeting, windows = ARGV[2], tonumber(ARGV[3])
local WINDOWS = 3
local REQUESTS = WINDOWS + 3 * windows
if redis.call('GET', LOCK) ~= ARGV[1] then return 0 end
local epoch = redis.call('HGET', COUNTS, 'epoch')
if epoch and string.sub(epoch, 17) == greeting then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- As long as the counts of windows that end in this century.
local LATER = 4102444800000

-- "leases lease… window…" and "amount…" of an intent, told one by one.
local function tell(intent, onLease, onWindow)
  local leases, names, amounts = string.match(intent, '^(%d+)([^\n]*)\n([^\n]*)\n')
  local nextAmount = string.gmatch(amounts, '%d+')
  local left = tonumber(leases)
  for key in string.gmatch(names, '%S+') do
    if left > 0 then onLease(key) else onWindow(key, tonumber(nextAmount())) end
    left = left - 1
  end
end

local function leave(key)
  local state = redis.call('HGET', COUNTS, key)
  if not state then return end
  local _, count = struct.unpack('<i8i8', state)
  redis.call('HSET', COUNTS, key, struct.pack('<i8i8', 0, count - 1))
end

local hasRecord = {}
for index = REQUESTS + 1, #ARGV, 2 do hasRecord[ARGV[index]] = ARGV[index + 1] == '1' end

local held, over, isFurther = {}, {}, false
local intents = redis.call('HGETALL', INTENTS)
for index = 1, #intents, 2 do
  local id, intent = intents[index], intents[index + 1]
  -- A copy that was behind may show requests as open that are over.
  if hasRecord[id] then over[id] = intent
  else
    tell(intent, function() end, function(key, amount)
      isFurther = isFurther or hasRecord[id] == nil
      held[key] = (held[key] or 0) + amount
    end)
  end
end
-- Whether what came since has a record is not known.
if isFurther then return 0 end

for id, intent in pairs(over) do
  if redis.call('HDEL', OPEN, id) == 1 then tell(intent, leave, function() end) end
  redis.call('HDEL', INTENTS, id)
end
for index = WINDOWS + 1, REQUESTS, 3 do
  local key = ARGV[index]
  redis.call('HSET', COUNTS, key, struct.pack('<i8i8i8', tonumber(ARGV[index + 1]), tonumber(ARGV[index + 2]), held[key] or 0))
  held[key] = nil
end
-- Windows of limits that are not in force any more refuse nothing, but what is held there must find them when it is settled.
for key, amount in pairs(held) do
  local state = redis.call('HGET', COUNTS, key)
  local expireAt, used = now + 172800000, 0
  if state then expireAt, used = struct.unpack('<i8i8', state) end
  redis.call('HSET', COUNTS, key, struct.pack('<i8i8i8', expireAt, used, amount))
end
redis.call('HSET', COUNTS, 'epoch', struct.pack('<i8i8', LATER, now) .. greeting)
redis.call('DEL', LOCK)
return 1

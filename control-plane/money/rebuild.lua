-- Writes what was used of an organisation's windows, and what is held in them by the requests that the nodes have under way, and opens the windows.
-- KEYS: hash of open requests, hash of intents, hash of counts, lock. ARGV: the lock's token, run id of this Redis, number of requests that have a record
--   already, their ids, then of each window its key, until when it is kept, and what was used. Answers 1, or 0 when the lock is not ours any more.
local OPEN, INTENTS, COUNTS, LOCK = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
if redis.call('GET', LOCK) ~= ARGV[1] then return 0 end
local runId, recorded = ARGV[2], tonumber(ARGV[3])
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

-- A copy that was behind may show requests as open that are over.
for index = 4, 3 + recorded do
  local id = ARGV[index]
  local intent = redis.call('HGET', INTENTS, id)
  if redis.call('HDEL', OPEN, id) == 1 and intent then tell(intent, leave, function() end) end
  redis.call('HDEL', INTENTS, id)
end

local held = {}
for _, intent in ipairs(redis.call('HVALS', INTENTS)) do
  tell(intent, function() end, function(key, amount) held[key] = (held[key] or 0) + amount end)
end
for index = 4 + recorded, #ARGV, 3 do
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
redis.call('HSET', COUNTS, 'epoch', struct.pack('<i8i8', LATER, now) .. runId)
redis.call('DEL', LOCK)
return 1

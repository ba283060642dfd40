-- Closes admitted requests that nobody settled in time: leases end, what was held counts as used, the intent becomes the record.
-- KEYS: hash of open requests, hash of intents, hash of counts, usage stream. ARGV: greeting and generation (epoch.lua), how many entries the
--   stream may hold, cursor, how many to look at.
-- Answers the next cursor and how many were closed.
local OPEN, INTENTS, COUNTS, STREAM = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local page = redis.call('HSCAN', OPEN, ARGV[4], 'COUNT', ARGV[5])
local fields = page[2]
local closed = 0

local function leave(key)
  local state = redis.call('HGET', COUNTS, key)
  if not state then return end
  local _, count = struct.unpack('<i8i8', state)
  redis.call('HSET', COUNTS, key, struct.pack('<i8i8', 0, count - 1))
end

local function use(key, amount)
  local state = redis.call('HGET', COUNTS, key)
  if not state then return end
  local expireAt, used, reserved = struct.unpack('<i8i8i8', state)
  redis.call('HSET', COUNTS, key, struct.pack('<i8i8i8', expireAt, used + amount, reserved - amount))
end

local isCounting = isOpen(redis.call('HGET', COUNTS, 'epoch'), ARGV[1], ARGV[2])
-- What holds in windows waits until those are counted again.
local function mayClose(id)
  if isCounting then return true end
  local names = string.match(redis.call('HGET', INTENTS, id) or '', '^[^\n]*')
  local leases, others = string.match(names, '^(%d+)(.*)$')
  return leases ~= nil and select(2, string.gsub(others, '%S+', '')) == tonumber(leases)
end

for index = 1, #fields, 2 do
  local id = fields[index]
  local expireAt = string.match(fields[index + 1], '^%d+')
  -- A scan may show a request twice; it is there only once to be taken away.
  if tonumber(expireAt) <= now and mayClose(id) and redis.call('HDEL', OPEN, id) == 1 then
    -- "leases lease… window…", "amount…" and the event, a line each.
    local leases, names, amounts, event = string.match(redis.call('HGET', INTENTS, id), '^(%d+)([^\n]*)\n([^\n]*)\n(.*)$')
    redis.call('HDEL', INTENTS, id)
    local nextAmount = string.gmatch(amounts, '%d+')
    local left = tonumber(leases)
    for key in string.gmatch(names, '%S+') do
      if left > 0 then leave(key) else use(key, tonumber(nextAmount())) end
      left = left - 1
    end
    redis.call('XADD', STREAM, 'MAXLEN', '~', ARGV[3], '*', 'e', event)
    closed = closed + 1
  end
end
return { page[1], closed }

-- Settles a batch of admitted requests of one organisation, all of them or none.
-- KEYS: hash of open requests, hash of intents, hash of counts, usage stream. ARGV: greeting and generation (epoch.lua), how many entries the stream may hold, numbers of requests, leases,
--   windows and events, then the request ids; each lease's key and how many requests leave it; each window's key, what was held in it and
--   what was used, summed over all requests; the events; and where there are streaks of errors, of each its key, its length in ms, 1 if a call succeeded, and
--   how many failed after that.
-- Answers the request ids that are not open (any more), having done nothing; "rebuild", having done nothing either; or nothing, having done everything.
local OPEN, INTENTS, COUNTS, STREAM = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local requests, leases, windows, events = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local IDS = 7
local LEASES = IDS + requests
local WINDOWS = LEASES + 2 * leases
local EVENTS = WINDOWS + 3 * windows

if windows > 0 and not isOpen(redis.call('HGET', COUNTS, 'epoch'), ARGV[1], ARGV[2]) then return { 'rebuild' } end

local beyond = {}
if requests > 0 then
  local gone = {}
  -- A trace that ends with a line break has a third line, of what was held beyond the admission.
  local function noteBeyond(trace)
    for amount, key in string.gmatch(string.match(trace, '\n([^\n]*)\n$'), '(%d+) (%S+)') do beyond[key] = (beyond[key] or 0) + tonumber(amount) end
  end
  for index, trace in ipairs(redis.call('HMGET', OPEN, unpack(ARGV, IDS + 1, IDS + requests))) do
    if not trace then gone[#gone + 1] = ARGV[IDS + index]
    elseif string.byte(trace, -1) == 10 then noteBeyond(trace) end
  end
  if #gone > 0 then return gone end
  redis.call('HDEL', OPEN, unpack(ARGV, IDS + 1, IDS + requests))
  redis.call('HDEL', INTENTS, unpack(ARGV, IDS + 1, IDS + requests))
end

local keys, changed, ended = {}, {}, {}
for index = 1, leases do keys[index] = ARGV[LEASES + index * 2 - 1] end
for index = 1, windows do keys[leases + index] = ARGV[WINDOWS + index * 3 - 2] end
-- What was forgotten in the meantime must not come back, or it would stay for ever.
for index, state in ipairs(#keys > 0 and redis.call('HMGET', COUNTS, unpack(keys)) or {}) do
  if state then
    changed[#changed + 1] = keys[index]
    if index <= leases then
      local _, count = struct.unpack('<i8i8', state)
      changed[#changed + 1] = struct.pack('<i8i8', 0, count - tonumber(ARGV[LEASES + index * 2]))
    else
      local at = WINDOWS + (index - leases) * 3
      local expireAt, used, reserved = struct.unpack('<i8i8i8', state)
      changed[#changed + 1] = struct.pack('<i8i8i8', expireAt, used + tonumber(ARGV[at]), reserved - tonumber(ARGV[at - 1]) - (beyond[keys[index]] or 0))
    end
  end
end
-- A streak is expireAt and count; one that is over begins anew.
local STREAKS = EVENTS + events
if #ARGV > STREAKS then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  for at = STREAKS + 1, #ARGV, 4 do
    local key, failures = ARGV[at], tonumber(ARGV[at + 3])
    local state = ARGV[at + 2] == '0' and redis.call('HGET', COUNTS, key)
    local expireAt, count = 0, 0
    if state then expireAt, count = struct.unpack('<i8i8', state) end
    if failures == 0 then ended[#ended + 1] = key
    else
      changed[#changed + 1] = key
      changed[#changed + 1] = struct.pack('<i8i8', now + tonumber(ARGV[at + 1]), (expireAt > now and count or 0) + failures)
    end
  end
end
if #changed > 0 then redis.call('HSET', COUNTS, unpack(changed)) end
if #ended > 0 then redis.call('HDEL', COUNTS, unpack(ended)) end

if events > 0 then
  local fields = {}
  for index = EVENTS + 1, EVENTS + events do
    fields[#fields + 1] = 'e'
    fields[#fields + 1] = ARGV[index]
  end
  redis.call('XADD', STREAM, 'MAXLEN', '~', ARGV[3], '*', unpack(fields))
end
return {}

-- Closes admitted requests that nobody settled in time: what was held counts as used, leases end, the intent becomes the record.
-- KEYS[1] intents hash, KEYS[2] usage stream. ARGV: key prefix, how long the stream may grow, cursor, how many to look at.
-- Answers the next cursor and how many were closed.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local prefix, lengthMax = ARGV[1], ARGV[2]
local page = redis.call('HSCAN', KEYS[1], ARGV[3], 'COUNT', ARGV[4])
local fields = page[2]
local closed = 0

for index = 1, #fields, 2 do
  local id, trace = fields[index], fields[index + 1]
  local from = 1
  local function line()
    local to = string.find(trace, '\n', from, true)
    local text = string.sub(trace, from, to and to - 1 or -1)
    from = to and to + 1 or #trace + 1
    return text
  end
  -- A scan may show an intent twice; it is there only once to be taken away.
  if tonumber(line()) <= now and redis.call('HDEL', KEYS[1], id) == 1 then
    line() -- The answer that was given.
    for _ = 1, tonumber(line()) do redis.call('ZREM', prefix .. line(), id) end
    for _ = 1, tonumber(line()) do
      local key, amount = prefix .. line(), line()
      if amount ~= '0' and redis.call('EXISTS', key) == 1 then
        redis.call('HINCRBY', key, 'reserved', '-' .. amount)
        redis.call('HINCRBY', key, 'used', amount)
      end
    end
    redis.call('XADD', KEYS[2], 'MAXLEN', '~', lengthMax, '*', 'e', string.sub(trace, from))
    closed = closed + 1
  end
end
return { page[1], closed }

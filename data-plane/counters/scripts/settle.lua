-- Settles a batch of admitted requests of one organisation, each once: whoever finds the intent gone does nothing.
-- KEYS[1] intents hash, KEYS[2] usage stream. ARGV: key prefix, how long the stream may grow,
--   number of plans, then for each of them its lease keys, led by their number,
--   number of entries, then for each of them request id, event, number of its plan, and holds (key, held amount, actual amount), led by their number.
-- An entry with the request id "" has no intent: its event joins the stream as it is.
local ARGV = ARGV
local prefix, lengthMax = ARGV[1], ARGV[2]
local at = 3
local function whole(number) return string.format('%.0f', number) end
local plans, released, ledgers = {}, {}, {}
local settled = 0

local count = tonumber(ARGV[at])
at = at + 1
for index = 1, count do
  local leases = {}
  local length = tonumber(ARGV[at])
  for offset = 1, length do leases[offset] = ARGV[at + offset] end
  at = at + length + 1
  plans[index] = leases
end

count = tonumber(ARGV[at])
at = at + 1
for _ = 1, count do
  local id, event, leases, holds = ARGV[at], ARGV[at + 1], plans[tonumber(ARGV[at + 2])], tonumber(ARGV[at + 3])
  at = at + 4
  if id == '' or redis.call('HDEL', KEYS[1], id) == 1 then
    for _, key in ipairs(leases) do
      local ids = released[key]
      if not ids then ids = {}; released[key] = ids end
      ids[#ids + 1] = id
    end
    for offset = 0, holds * 3 - 1, 3 do
      local key = ARGV[at + offset]
      local ledger = ledgers[key]
      if not ledger then ledger = { held = 0, actual = 0 }; ledgers[key] = ledger end
      ledger.held, ledger.actual = ledger.held + tonumber(ARGV[at + offset + 1]), ledger.actual + tonumber(ARGV[at + offset + 2])
    end
    redis.call('XADD', KEYS[2], 'MAXLEN', '~', lengthMax, '*', 'e', event)
    settled = settled + 1
  end
  at = at + holds * 3
end

for key, ids in pairs(released) do redis.call('ZREM', prefix .. key, unpack(ids)) end
for key, ledger in pairs(ledgers) do
  local name = prefix .. key
  -- A window that was forgotten in the meantime must not come back, or it would stay for ever.
  if redis.call('EXISTS', name) == 1 then
    -- Minus nothing would be written as "-0", which is no number to Redis.
    if ledger.held ~= 0 then redis.call('HINCRBY', name, 'reserved', whole(-ledger.held)) end
    if ledger.actual ~= 0 then redis.call('HINCRBY', name, 'used', whole(ledger.actual)) end
  end
end
return settled

-- Settles a batch of admitted requests of one organisation, each once: whoever finds the intent gone does nothing.
-- KEYS[1] intents hash, KEYS[2] usage stream. ARGV: key prefix, number of entries, then for each of them
--   request id, event, number of leases, lease keys, number of holds, holds (key, held amount, actual amount).
-- An entry with the request id "" has no intent: its event joins the stream as it is.
local prefix = ARGV[1]
local at = 3
local function take() local value = ARGV[at]; at = at + 1; return value end
local function whole(number) return string.format('%.0f', number) end
local ledgers = {}
local settled = 0

for _ = 1, tonumber(ARGV[2]) do
  local id, event = take(), take()
  local isOpen = id == '' or redis.call('HDEL', KEYS[1], id) == 1
  for _ = 1, tonumber(take()) do
    local key = take()
    if isOpen then redis.call('ZREM', prefix .. key, id) end
  end
  for _ = 1, tonumber(take()) do
    local key, held, actual = take(), tonumber(take()), tonumber(take())
    if isOpen then
      local ledger = ledgers[key] or { held = 0, actual = 0 }
      ledger.held, ledger.actual = ledger.held + held, ledger.actual + actual
      ledgers[key] = ledger
    end
  end
  if isOpen then
    redis.call('XADD', KEYS[2], '*', 'e', event)
    settled = settled + 1
  end
end

for key, ledger in pairs(ledgers) do
  redis.call('HINCRBY', prefix .. key, 'reserved', whole(-ledger.held))
  redis.call('HINCRBY', prefix .. key, 'used', whole(ledger.actual))
end
return settled

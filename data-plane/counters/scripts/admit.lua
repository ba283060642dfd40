-- Judges a batch of admissions of one organisation, each all or nothing, and takes what the admitted ones ask for.
-- KEYS[1] intents hash. ARGV: key prefix, lifetime of intents in ms, number of admissions, then for each of them its request id,
--   number of plans, then for each of them rates (key limit window burst|-1) and leases (key max ttl), each list led by its length,
--   then for each admission its intent or "", the number of its plan, and holds (key amount limit observe expireAt), led by their number.
-- Answers one string per admission: "ok", "ok:i,j" with observed holds, or "check:index:used:reserved:retryAfterMillis".
-- State is read once and written once per key and batch, and plans are read once, so what many requests share costs little.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ARGV = ARGV
local prefix, lifetime, admissions = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local SLOTS = 10
local FIRST_ID = 4
local at = FIRST_ID + admissions
local function whole(number) return string.format('%.0f', number) end

-- What has an intent was admitted before: whoever asks again, after a reply that was lost, gets the same answer.
local known = redis.call('HMGET', KEYS[1], unpack(ARGV, FIRST_ID, at - 1))
local windows, paces, holders, ledgers, intents, taken = {}, {}, {}, {}, {}, {}

-- A sliding window keeps its sum beside its slots; the slots are looked at only when a new one begins.
local function windowOf(key, length)
  local window = windows[key]
  if window then return window end
  local name = prefix .. key
  local slotMillis = math.max(1, math.ceil(length / SLOTS))
  local slot = math.floor(now / slotMillis)
  window = { name = name, slot = slot, slotMillis = slotMillis, length = length, sum = 0, added = 0, oldest = slot }
  local state = redis.call('HMGET', name, 'slot', 'sum', 'oldest')
  if state[1] and tonumber(state[1]) == slot then
    window.sum, window.oldest = tonumber(state[2]), tonumber(state[3])
  elseif state[1] then
    local fields = redis.call('HGETALL', name)
    local old = {}
    for index = 1, #fields, 2 do
      local number = tonumber(fields[index])
      if number and number < slot - SLOTS then old[#old + 1] = fields[index]
      elseif number then
        window.sum = window.sum + tonumber(fields[index + 1])
        if number < window.oldest then window.oldest = number end
      end
    end
    if #old > 0 then redis.call('HDEL', name, unpack(old)) end
    redis.call('HSET', name, 'slot', whole(slot), 'sum', whole(window.sum), 'oldest', whole(window.oldest))
  end
  windows[key] = window
  return window
end

-- A pace is kept as "since:calls": the bucket is even again that many steps after that moment.
local function paceOf(key)
  local pace = paces[key]
  if pace then return pace end
  pace = { name = prefix .. key .. ':pace', since = now, calls = 0 }
  local state = redis.call('GET', pace.name)
  if state then
    local colon = string.find(state, ':', 1, true)
    pace.since, pace.calls = tonumber(string.sub(state, 1, colon - 1)), tonumber(string.sub(state, colon + 1))
  end
  paces[key] = pace
  return pace
end

-- Leases that ended count no more; they are looked for only where they could make the difference.
local function holdersOf(key, max)
  local held = holders[key]
  if held then return held end
  held = { name = prefix .. key, entries = {}, ttl = 0 }
  held.count = redis.call('ZCARD', held.name)
  if held.count + admissions > max and held.count > 0 then
    redis.call('ZREMRANGEBYSCORE', held.name, '-inf', whole(now))
    held.count = redis.call('ZCARD', held.name)
  end
  holders[key] = held
  return held
end

local function ledgerOf(key)
  local ledger = ledgers[key]
  if not ledger then
    local state = redis.call('HMGET', prefix .. key, 'used', 'reserved')
    ledger = { name = prefix .. key, used = tonumber(state[1] or '0'), reserved = tonumber(state[2] or '0'), added = 0 }
    ledgers[key] = ledger
  end
  return ledger
end

local function refusal(check, index, used, reserved, wait)
  return check .. ':' .. whole(index - 1) .. ':' .. whole(used) .. ':' .. whole(reserved) .. ':' .. whole(wait)
end

local function readPlan()
  local rates, leases = {}, {}
  local count = tonumber(ARGV[at])
  at = at + 1
  for index = 1, count do
    local rate = { key = ARGV[at], limit = tonumber(ARGV[at + 1]), length = tonumber(ARGV[at + 2]), burst = tonumber(ARGV[at + 3]) }
    if rate.burst < 0 then rate.window = windowOf(rate.key, rate.length) else rate.pace = paceOf(rate.key) end
    rates[index] = rate
    at = at + 4
  end
  count = tonumber(ARGV[at])
  at = at + 1
  for index = 1, count do
    local max = tonumber(ARGV[at + 1])
    leases[index] = { key = ARGV[at], max = max, ttl = tonumber(ARGV[at + 2]), held = holdersOf(ARGV[at], max) }
    at = at + 3
  end
  local names = { whole(#leases) }
  for _, lease in ipairs(leases) do names[#names + 1] = lease.key end
  return { rates = rates, leases = leases, trace = table.concat(names, '\n') }
end

local NONE = {}
local function readHolds()
  local count = tonumber(ARGV[at])
  at = at + 1
  if count == 0 then return NONE end
  local holds = {}
  for index = 1, count do
    holds[index] = { key = ARGV[at], amount = tonumber(ARGV[at + 1]), limit = tonumber(ARGV[at + 2]), observe = ARGV[at + 3] == '1', expireAt = ARGV[at + 4], ledger = ledgerOf(ARGV[at]) }
    at = at + 5
  end
  return holds
end

local function judgePace(rate, index)
  local pace, burst = rate.pace, rate.burst
  if rate.limit == 0 or burst == 0 then return refusal('rate', index, 0, 0, rate.length) end
  local step = rate.length / rate.limit
  local owed = pace.since - now + pace.calls * step
  -- Only a rate that was made slower, or a clock that was set back, owes more than a whole burst.
  if owed <= 0 then pace.since, pace.calls = now, 0
  elseif owed > burst * step then pace.since, pace.calls = now, burst end
  local excess = pace.since - now + (pace.calls + 1 - burst) * step
  if excess > 0.000001 then return refusal('rate', index, rate.limit, 0, math.ceil(excess)) end
  return nil
end

local function judgeRate(rate, index)
  if rate.burst >= 0 then return judgePace(rate, index) end
  local window = rate.window
  if window.sum < rate.limit then return nil end
  local wait = (window.oldest + SLOTS + 1) * window.slotMillis - now
  return refusal('rate', index, window.sum, 0, rate.limit == 0 and rate.length or math.max(1, wait))
end

local function judge(plan, holds)
  for index, rate in ipairs(plan.rates) do
    local no = judgeRate(rate, index)
    if no then return no end
  end
  for index, lease in ipairs(plan.leases) do
    if lease.held.count >= lease.max then return refusal('lease', index, lease.held.count, 0, 1000) end
  end
  local observed = NONE
  for index, hold in ipairs(holds) do
    local ledger = hold.ledger
    if ledger.used + ledger.reserved + hold.amount > hold.limit then
      if not hold.observe then return refusal('hold', index, ledger.used, ledger.reserved, 0) end
      if observed == NONE then observed = {} end
      observed[#observed + 1] = whole(index - 1)
    end
  end
  if observed ~= NONE then return 'ok:' .. table.concat(observed, ',') end
  return 'ok'
end

local expireAt = whole(now + lifetime)

local function takeAll(id, answer, intent, plan, holds)
  for _, rate in ipairs(plan.rates) do
    if rate.burst < 0 then
      rate.window.sum, rate.window.added = rate.window.sum + 1, rate.window.added + 1
    else
      local pace = rate.pace
      pace.calls = pace.calls + 1
      pace.owed = pace.since - now + pace.calls * rate.length / rate.limit
    end
  end
  if intent == '' then return end
  for _, lease in ipairs(plan.leases) do
    local held = lease.held
    held.count, held.ttl = held.count + 1, math.max(held.ttl, lease.ttl)
    held.entries[#held.entries + 1] = whole(now + lease.ttl)
    held.entries[#held.entries + 1] = id
  end
  local trace = expireAt .. '\n' .. answer .. '\n' .. plan.trace .. '\n' .. whole(#holds)
  for _, hold in ipairs(holds) do
    local ledger = hold.ledger
    ledger.reserved, ledger.added, ledger.expireAt = ledger.reserved + hold.amount, ledger.added + hold.amount, hold.expireAt
    trace = trace .. '\n' .. hold.key .. '\n' .. whole(hold.amount)
  end
  taken[id] = answer
  intents[#intents + 1] = id
  intents[#intents + 1] = trace .. '\n' .. intent
end

-- The second line of an intent is the answer that was given.
local function answerIn(trace)
  local first = string.find(trace, '\n', 1, true)
  return string.sub(trace, first + 1, string.find(trace, '\n', first + 1, true) - 1)
end

local plans = {}
local count = tonumber(ARGV[at])
at = at + 1
for index = 1, count do plans[index] = readPlan() end

local answers = {}
for index = 1, admissions do
  local id, intent, plan = ARGV[FIRST_ID + index - 1], ARGV[at], plans[tonumber(ARGV[at + 1])]
  at = at + 2
  local holds = readHolds()
  local answer = known[index] and answerIn(known[index]) or taken[id]
  if not answer then
    answer = judge(plan, holds)
    if string.sub(answer, 1, 2) == 'ok' then takeAll(id, answer, intent, plan, holds) end
  end
  answers[index] = answer
end

for _, window in pairs(windows) do
  if window.added > 0 then
    local added = whole(window.added)
    local inSlot = redis.call('HINCRBY', window.name, whole(window.slot), added)
    redis.call('HINCRBY', window.name, 'sum', added)
    if inSlot == window.added then
      redis.call('HSET', window.name, 'slot', whole(window.slot), 'oldest', whole(window.oldest))
      redis.call('PEXPIRE', window.name, whole(window.length * 2 + 1000))
    end
  end
end
for _, pace in pairs(paces) do
  if pace.owed then redis.call('SET', pace.name, whole(pace.since) .. ':' .. whole(pace.calls), 'PX', whole(math.ceil(pace.owed) + 1000)) end
end
for _, held in pairs(holders) do
  if #held.entries > 0 then
    redis.call('ZADD', held.name, unpack(held.entries))
    redis.call('PEXPIRE', held.name, whole(held.ttl * 2))
  end
end
for _, ledger in pairs(ledgers) do
  if ledger.expireAt then
    redis.call('HINCRBY', ledger.name, 'reserved', whole(ledger.added))
    redis.call('PEXPIREAT', ledger.name, ledger.expireAt)
  end
end
if #intents > 0 then redis.call('HSET', KEYS[1], unpack(intents)) end
return answers

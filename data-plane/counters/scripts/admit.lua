-- Judges the admissions of one organisation in their order, and takes what each of the admitted ones asks for; a refused one takes nothing.
-- KEYS: hash of open requests, hash of intents, hash of counts. ARGV: greeting and generation (epoch.lua), lifetime of an open request in ms, number of
--   admissions, then for all of them their request ids, their intents or "", and "plan amount amount…": which plan it follows, and what it holds in each of the
--   plan's windows; then the plans as JSON: [[key…], number of rates, of leases, of windows, [number…]], where keys are those of rates,
--   leases and windows, then of windows before those, and numbers are limit, windowMillis, burst or -1 of each rate; max, ttlMillis of each
--   lease; limit, 1 if it only observes, expireAtMillis, and of each window the place among the keys of the window before, or 0 without rollover. What few
--   plans have comes last: [[place of each rate that only observes…], [of each lease…], [[kind, max, windowMillis, observes, calls, [item…]] of each loop…]],
--   and then the keys of loops stand behind those of windows.
-- Answers one string per admission: "ok", "ok:i,j" with observed windows, and "r", "l" or "b" before the index of a rate, lease or loop; or
--   "check:index:used:reserved:retryAfterMillis:carriedOver";
--   "rebuild" for those that hold while windows are closed; and last the generation, where it is newer.
-- With PEEKS (redis-scripts.ts), which knows one admission, nothing is written, and behind the answer stand the counts of each rate and lease, and used, reserved
--   and carried over of each window, as they are before it.
-- Counts are kept as whole numbers of eight bytes, the first of which says until when they are needed. They are read once and written once
-- per batch, and plans are read once, so what many requests share costs little.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local OPEN, INTENTS, COUNTS = KEYS[1], KEYS[2], KEYS[3]
local greeting, generation, lifetime, admissions = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local IDS, FIRST_INTENT, AMOUNTS, PLANS = 4, 4 + admissions, 4 + 2 * admissions, 4 + 3 * admissions
local SLOTS, ITEM = 10, 12
local pack, unpackNumbers = struct.pack, struct.unpack
-- Written in full: Lua's default keeps 14 digits.
local function whole(number) return string.format('%d', number) end

local plans, keys, found = {}, {}, {}
for index = PLANS + 1, #ARGV do
  local plan = cjson.decode(ARGV[index])
  plans[#plans + 1] = plan
  if plan[4] > 0 and found.epoch == nil then
    keys[#keys + 1] = 'epoch'
    found.epoch = false
  end
  for _, key in ipairs(plan[1]) do
    if found[key] == nil then
      keys[#keys + 1] = key
      found[key] = false
    end
  end
end
if #keys > 0 then
  for index, state in ipairs(redis.call('HMGET', COUNTS, unpack(keys))) do found[keys[index]] = state end
end
local isCounting = isOpen(found.epoch, greeting, generation)

-- A sliding window is expireAt, slot, oldest slot, count of the slot, sum, then slot and count of each earlier slot. These are looked at
-- only when a new slot begins.
local function readSliding(state, length)
  local slotMillis = math.max(1, math.ceil(length / SLOTS))
  local slot = math.floor(now / slotMillis)
  local sliding = { expireAt = now + length * 2, slot = slot, slotMillis = slotMillis, oldest = slot, count = 0, sum = 0, past = '' }
  if not state then return sliding end
  local expireAt, at, oldest, count, sum = unpackNumbers('<i8i8i8i8i8', state)
  if at == slot then
    sliding.expireAt, sliding.oldest, sliding.count, sliding.sum, sliding.past = expireAt, oldest, count, sum, string.sub(state, 41)
    return sliding
  end
  local earlier = string.sub(state, 41) .. pack('<i8i8', at, count)
  local kept = {}
  for from = 1, #earlier, 16 do
    local earlierSlot, number = unpackNumbers('<i8i8', earlier, from)
    if earlierSlot >= slot - SLOTS then
      sliding.sum = sliding.sum + number
      sliding.oldest = math.min(sliding.oldest, earlierSlot)
      kept[#kept + 1] = string.sub(earlier, from, from + 15)
    end
  end
  sliding.past = table.concat(kept)
  return sliding
end

-- A pace is expireAt, since, calls: the bucket is even again that many steps after that moment.
local function readPace(state)
  if not state then return { isPace = true, since = now, calls = 0 } end
  local _, since, calls = unpackNumbers('<i8i8i8', state)
  return { isPace = true, since = since, calls = calls }
end

-- A lease is 0, count: it is needed until nobody holds it.
local function readLease(state)
  if not state then return { count = 0 } end
  local _, count = unpackNumbers('<i8i8', state)
  return { count = count }
end

-- A window of a budget or quota is expireAt, used, reserved.
local function readWindow(state)
  if not state then return { used = 0, reserved = 0 } end
  local expireAt, used, reserved = unpackNumbers('<i8i8i8', state)
  return { expireAt = expireAt, used = used, reserved = reserved }
end

-- A loop is expireAt, count, and the items of a fan-out side by side. Nothing counts any more once it is over.
local function readLoop(state, length)
  local expireAt, count = 0, 0
  if state then expireAt, count = unpackNumbers('<i8i8', state) end
  if expireAt <= now then return { expireAt = now + length, count = 0, items = {} } end
  local items = {}
  for from = 17, #state, ITEM do items[string.sub(state, from, from + ITEM - 1)] = true end
  return { expireAt = expireAt, count = count, items = items }
end

-- What several plans count is one table, so that an admission by one counts for the other.
local slidings, paces, leases, windows, loops = {}, {}, {}, {}, {}
local function shared(kept, key, read, number)
  local state = kept[key]
  if not state then
    state = read(found[key], number)
    kept[key] = state
  end
  return state
end
for _, plan in ipairs(plans) do
  local names, numbers, at = plan[1], plan[5], 1
  local rateCount, leaseCount, windowCount = plan[2], plan[3], plan[4]
  plan.openMillis, plan.pending, plan.free = lifetime, 0, 0
  plan.rates, plan.leases, plan.windows = {}, {}, {}
  for index = 1, rateCount do
    local length, burst = numbers[at + 1], numbers[at + 2]
    local state = burst < 0 and shared(slidings, names[index], readSliding, length) or shared(paces, names[index], readPace)
    plan.rates[index] = { state = state, limit = numbers[at], length = length, burst = burst }
    at = at + 3
  end
  for index = 1, leaseCount do
    plan.leases[index] = { state = shared(leases, names[rateCount + index], readLease), max = numbers[at] }
    plan.openMillis = math.min(plan.openMillis, numbers[at + 1])
    at = at + 2
  end
  for index = 1, windowCount do
    local state = shared(windows, names[rateCount + leaseCount + index], readWindow)
    state.expireAt = numbers[at + 2]
    local before = numbers[at + 3] > 0 and shared(windows, names[numbers[at + 3]], readWindow)
    plan.windows[index] = { state = state, before = before, limit = numbers[at], observes = numbers[at + 1] == 1 }
    at = at + 4
  end
  local watch = plan[6]
  if watch then
    plan.isWatched, plan.loops = true, {}
    for _, place in ipairs(watch[1]) do plan.rates[place].observes = true end
    for _, place in ipairs(watch[2]) do plan.leases[place].observes = true end
    for index, loop in ipairs(watch[3]) do
      local state = shared(loops, names[rateCount + leaseCount + windowCount + index], readLoop, loop[3])
      plan.loops[index] = { state = state, kind = loop[1], max = loop[2], observes = loop[4], calls = loop[5], items = loop[6] }
    end
  end
  plan.expireAt = whole(now + plan.openMillis) .. '\n'
  plan.admitted = plan.expireAt .. 'ok'
end

-- Takes rates, and leases where there is an intent, of so many requests at once.
local function charge(plan, requests, withLeases)
  for _, rate in ipairs(plan.rates) do
    local state = rate.state
    if not rate.isOver then
      state.isChanged = true
      if state.isPace then
        state.calls = state.calls + requests
        state.owed = state.since - now + state.calls * rate.length / rate.limit
      else state.count, state.sum = state.count + requests, state.sum + requests end
    end
  end
  if not withLeases then return end
  for _, lease in ipairs(plan.leases) do lease.state.count, lease.state.isChanged = lease.state.count + requests, true end
end

-- How many more requests of the plan no rate and no lease refuses. A pace is judged request by request, and so is whatever observes.
local function freeOf(plan)
  if plan.isWatched then return 0 end
  local free = admissions
  for _, rate in ipairs(plan.rates) do
    if rate.state.isPace then return 0 end
    free = math.min(free, rate.limit - rate.state.sum)
  end
  for _, lease in ipairs(plan.leases) do free = math.min(free, lease.max - lease.state.count) end
  return free
end

-- The plan of the requests that were admitted last; those of one plan in a row are charged together.
local present
local function chargePending()
  if present and present.pending > 0 then charge(present, present.pending, true) end
  if present then present.pending = 0 end
  present = nil
end

local function refusal(check, index, used, reserved, wait, carried)
  return check .. ':' .. whole(index - 1) .. ':' .. whole(used) .. ':' .. whole(reserved) .. ':' .. whole(wait) .. ':' .. whole(carried or 0)
end

-- What the window before has left of the limit. Calls that are still under way there may yet use what they hold.
local function carriedOver(window)
  local before = window.before
  return before and math.max(0, window.limit - before.used - before.reserved) or 0
end

local function overfills(window, amount)
  return window.state.used + window.state.reserved + amount > window.limit + carriedOver(window)
end

local function judgePace(rate, index)
  local pace, limit, length, burst = rate.state, rate.limit, rate.length, rate.burst
  if limit == 0 or burst == 0 then return refusal('rate', index, 0, 0, length) end
  local step = length / limit
  local owed = pace.since - now + pace.calls * step
  -- Only a rate that was made slower, or a clock that was set back, owes more than a whole burst.
  if owed <= 0 then pace.since, pace.calls = now, 0
  elseif owed > burst * step then pace.since, pace.calls = now, burst end
  local excess = pace.since - now + (pace.calls + 1 - burst) * step
  if excess > 0.000001 then return refusal('rate', index, limit, 0, math.ceil(excess)) end
  return nil
end

local function judgeRate(rate, index)
  local state = rate.state
  if state.isPace then return judgePace(rate, index) end
  if state.sum < rate.limit then return nil end
  local wait = (state.oldest + SLOTS + 1) * state.slotMillis - now
  return refusal('rate', index, state.sum, 0, rate.limit == 0 and rate.length or math.max(1, wait))
end

-- Of a fan-out, what is not there yet.
local function furtherItems(loop)
  local further = 0
  for _, item in ipairs(loop.items) do
    if not loop.state.items[item] then further = further + 1 end
  end
  return further
end

-- A streak has counted before the call what the others count with it.
local function isBroken(loop)
  local count = loop.state.count
  if loop.kind == 'error_streak' then return count >= loop.max end
  if loop.kind == 'repeated_calls' then return count + loop.calls > loop.max end
  local further = furtherItems(loop)
  return further > 0 and count + further > loop.max
end

local function takeLoop(loop)
  local state = loop.state
  if loop.isOver or loop.kind == 'error_streak' then return end
  state.isChanged = true
  if loop.kind == 'repeated_calls' then state.count = state.count + loop.calls return end
  state.count = state.count + furtherItems(loop)
  for _, item in ipairs(loop.items) do state.items[item] = true end
end

-- What checks that only observe would have refused of the request that is judged.
local observed
local function observe(letter, index) observed = (observed and observed .. ',' or '') .. letter .. whole(index - 1) end

local function judgeLoops(plan)
  for index, loop in ipairs(plan.loops) do
    loop.isOver = isBroken(loop)
    if loop.isOver then
      if not loop.observes then return refusal('loop', index, loop.state.count, 0, loop.state.expireAt - now) end
      observe('b', index)
    end
  end
  return nil
end

local function judge(plan, amounts)
  observed = nil
  for index, rate in ipairs(plan.rates) do
    local no = judgeRate(rate, index)
    if no and not rate.observes then return no end
    if rate.observes then rate.isOver = no ~= nil end
    if no then observe('r', index) end
  end
  for index, lease in ipairs(plan.leases) do
    if lease.state.count >= lease.max then
      if not lease.observes then return refusal('lease', index, lease.state.count, 0, 1000) end
      observe('l', index)
    end
  end
  local no = plan.isWatched and judgeLoops(plan)
  if no then return no end
  for index, window in ipairs(plan.windows) do
    if overfills(window, amounts[index]) then
      if not window.observes then return refusal('hold', index, window.state.used, window.state.reserved, 0, carriedOver(window)) end
      observe('', index)
    end
  end
  return observed and 'ok:' .. observed or 'ok'
end

-- Whether the request is admitted without a closer look.
local function fits(plan, amounts, intent)
  if intent == '' or plan.free <= 0 then return false end
  for index, window in ipairs(plan.windows) do
    if overfills(window, amounts[index]) then return false end
  end
  return true
end

-- An open request is its expireAt and its answer, a line each. The intent is kept as it came: Lua would pay for each of its bytes again.
local opened, intended, taken = {}, {}, {}
local function open(id, answer, plan, amounts, intent)
  for index, window in ipairs(plan.windows) do
    local state = window.state
    state.reserved, state.isChanged = state.reserved + amounts[index], true
  end
  taken[id] = answer
  opened[#opened + 1] = id
  opened[#opened + 1] = answer == 'ok' and plan.admitted or plan.expireAt .. answer
  intended[#intended + 1] = id
  intended[#intended + 1] = intent
end

-- Which plan an admission follows and what it holds; many ask for the same.
local asked = {}
local function readAsked(text)
  local known = asked[text]
  if known then return known end
  local amounts, planNumber = {}
  for number in string.gmatch(text, '%d+') do
    if planNumber then amounts[#amounts + 1] = tonumber(number) else planNumber = tonumber(number) end
  end
  known = { plan = plans[planNumber], amounts = amounts }
  asked[text] = known
  return known
end

local function admit(id, intent, plan, amounts)
  if not isCounting and #plan.windows > 0 then return 'rebuild' end
  if plan ~= present then
    chargePending()
    present, plan.free = plan, freeOf(plan)
  end
  if fits(plan, amounts, intent) then
    plan.pending, plan.free = plan.pending + 1, plan.free - 1
    open(id, 'ok', plan, amounts, intent)
    return 'ok'
  end
  chargePending()
  local answer = judge(plan, amounts)
  if string.sub(answer, 1, 2) == 'ok' then
    charge(plan, 1, intent ~= '')
    if intent ~= '' then
      if plan.isWatched then for _, loop in ipairs(plan.loops) do takeLoop(loop) end end
      open(id, answer, plan, amounts, intent)
    end
  end
  return answer
end

-- The calls by which a pace is away from even.
local function callsOwed(rate)
  local step = rate.length / math.max(rate.limit, 1)
  local owed = rate.state.since - now + rate.state.calls * step
  return math.max(0, math.min(rate.burst, math.ceil(owed / step - 0.000001)))
end

local function countsOf(plan)
  local counts = {}
  local function note(number) counts[#counts + 1] = whole(number) end
  for _, rate in ipairs(plan.rates) do note(rate.state.isPace and callsOwed(rate) or rate.state.sum) end
  for _, lease in ipairs(plan.leases) do note(lease.state.count) end
  for _, window in ipairs(plan.windows) do
    note(window.state.used)
    note(window.state.reserved)
    note(carriedOver(window))
  end
  return table.concat(counts, ' ')
end
local counted = PEEKS and countsOf(plans[1])

-- What is open was admitted before: whoever asks again, after a reply that was lost, gets the same answer.
local known = redis.call('HMGET', OPEN, unpack(ARGV, IDS + 1, IDS + admissions))
local answers = {}
for index = 1, admissions do
  local id = ARGV[IDS + index]
  local answer = known[index] and string.match(known[index], '\n([^\n]*)') or taken[id]
  if not answer then
    local wanted = readAsked(ARGV[AMOUNTS + index])
    answer = admit(id, ARGV[FIRST_INTENT + index], wanted.plan, wanted.amounts)
  end
  answers[index] = answer
end
chargePending()
if PEEKS then return { answers[1], counted } end

local changed = {}
local function change(kept, write)
  for key, state in pairs(kept) do
    if state.isChanged then
      changed[#changed + 1] = key
      changed[#changed + 1] = write(state)
    end
  end
end
change(slidings, function(state) return pack('<i8i8i8i8i8', state.expireAt, state.slot, state.oldest, state.count, state.sum) .. state.past end)
change(paces, function(state) return pack('<i8i8i8', math.ceil(now + state.owed), state.since, state.calls) end)
change(leases, function(state) return pack('<i8i8', 0, state.count) end)
change(loops, function(state)
  local items = {}
  for item in pairs(state.items) do items[#items + 1] = item end
  return pack('<i8i8', state.expireAt, state.count) .. table.concat(items)
end)
change(windows, function(state) return pack('<i8i8i8', state.expireAt, state.used, state.reserved) end)
if #changed > 0 then redis.call('HSET', COUNTS, unpack(changed)) end
if #opened > 0 then
  redis.call('HSET', OPEN, unpack(opened))
  redis.call('HSET', INTENTS, unpack(intended))
end
if isCounting then
  local _, present = unpackNumbers('<i8i8', found.epoch)
  if present > generation then answers[admissions + 1] = whole(present) end
end
return answers

-- Holds more for an open request, in every window or in none.
-- KEYS: hash of open requests, hash of intents, hash of counts. ARGV: greeting and generation (epoch.lua), request id, its intent from now on, then of each of its windows key, key of
--   the window before or "", limit, 1 if it only observes, and how much is to be held beyond what the admission held.
-- Answers "ok", "rebuild", "closed" when the request is not open, or "hold:index:used:reserved:0:carriedOver" as an admission does.
-- What an open request holds beyond its admission is the third line of its trace, "amount window amount window…", which the settlement gives back. Asked
-- again, the same extension adds nothing.
local OPEN, INTENTS, COUNTS = KEYS[1], KEYS[2], KEYS[3]
local ID, INTENT, WINDOWS = ARGV[3], ARGV[4], 4
if not isOpen(redis.call('HGET', COUNTS, 'epoch'), ARGV[1], ARGV[2]) then return 'rebuild' end
local trace = redis.call('HGET', OPEN, ID)
if not trace then return 'closed' end
local expireAt, answer, before = string.match(trace, '^(%d+)\n([^\n]*)\n?([^\n]*)')
local function whole(number) return string.format('%d', number) end

local known = {}
for amount in string.gmatch(before, '(%d+) %S+') do known[#known + 1] = tonumber(amount) end

local function read(key)
  local state = key ~= '' and redis.call('HGET', COUNTS, key)
  if not state then return nil end
  return struct.unpack('<i8i8i8', state)
end

local changed, held = {}, {}
for index = 1, (#ARGV - WINDOWS) / 5 do
  local at = WINDOWS + (index - 1) * 5
  local key, previous, limit = ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3])
  local wanted = math.max(tonumber(ARGV[at + 5]), known[index] or 0)
  local added = wanted - (known[index] or 0)
  local expire, used, reserved = read(key)
  if added > 0 and used then
    local carried = 0
    local _, previousUsed, previousReserved = read(previous)
    if previous ~= '' then carried = math.max(0, limit - (previousUsed or 0) - (previousReserved or 0)) end
    if ARGV[at + 4] == '0' and used + reserved + added > limit + carried then
      return 'hold:' .. whole(index - 1) .. ':' .. whole(used) .. ':' .. whole(reserved) .. ':0:' .. whole(carried)
    end
    changed[#changed + 1] = key
    changed[#changed + 1] = struct.pack('<i8i8i8', expire, used, reserved + added)
  end
  held[index] = whole(wanted) .. ' ' .. key
end
if #changed > 0 then
  redis.call('HSET', COUNTS, unpack(changed))
  redis.call('HSET', OPEN, ID, expireAt .. '\n' .. answer .. '\n' .. table.concat(held, ' ') .. '\n')
  redis.call('HSET', INTENTS, ID, INTENT)
end
return 'ok'

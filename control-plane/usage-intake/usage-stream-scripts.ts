/** What has to happen to a usage stream in one step, as scripts that Redis runs. */

/** In one step, since a reader that comes back between the look and the deletion would lose what it has just been given. */
export const FORGET_READERS = `
local forgotten = 0
for _, reader in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local facts = {}
  for index = 1, #reader, 2 do facts[reader[index]] = reader[index + 1] end
  if facts.pending == 0 and facts.idle > tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], facts.name)
    forgotten = forgotten + 1
  end
end
return forgotten`;

/** Another Redis may have other entries under the same ids. In one step: what is acknowledged and not deleted would stay for ever. */
export const ACKNOWLEDGE = `
if (redis.call('GET', KEYS[2]) or '') ~= ARGV[1] then return 0 end
redis.call('XACK', KEYS[1], ARGV[2], unpack(ARGV, 3))
redis.call('XDEL', KEYS[1], unpack(ARGV, 3))
return 1`;

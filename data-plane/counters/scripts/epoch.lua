-- Stands before every script that counts in windows. The field "epoch" of the counts says in which memory they were counted: far in the future, the
-- generation, and the greeting (greet.lua) of the Redis that held them. A node names the greeting under which it has told what it has under way. Where the two
-- differ, or the generation is older than one that the node has seen, or there is none at all, something is missing, in the counts or in what was told: then
-- windows stay as they are, and the answer is "rebuild".
local function isOpen(epoch, greeting, generation)
  if not epoch then return false end
  local _, written = struct.unpack('<i8i8', epoch)
  return string.sub(epoch, 17) == greeting and written >= tonumber(generation)
end

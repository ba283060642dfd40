-- Stands before every script that counts in windows. The field "epoch" of the counts says in which memory they were counted: far in the future, the
-- generation, and the run id of the Redis that held them. Another run id, an older generation or none at all means that counts are missing: then
-- windows stay as they are, and the answer is "rebuild", until they are counted again.
local function isOpen(epoch, runId, generation)
  if not epoch then return false end
  local _, written = struct.unpack('<i8i8', epoch)
  return string.sub(epoch, 17) == runId and written >= tonumber(generation)
end

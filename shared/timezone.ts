/** Names of the IANA timezone database, as schedules carry them. */

/** Offsets such as `+01:00` know no daylight saving, and are none of the names. */
const NAME = /^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/;

/** Those that were found, in small letters, as the database knows no others by them: asking it takes longer than all else that is read of a limit. */
const found = new Set<string>();

export function isTimezone(text: string): boolean {
  if (!NAME.test(text)) return false;
  const name = text.toLowerCase();
  if (!found.has(name) && isInDatabase(text)) found.add(name);
  return found.has(name);
}

function isInDatabase(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    // That is how the library says that it has no such timezone.
    return false;
  }
}

/** Names of the IANA timezone database, as schedules carry them. */

/** Offsets such as `+01:00` know no daylight saving, and are none of the names. */
const NAME = /^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/;

export function isTimezone(text: string): boolean {
  if (!NAME.test(text)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone !== '';
  } catch {
    // That is how the library says that it has no such timezone.
    return false;
  }
}

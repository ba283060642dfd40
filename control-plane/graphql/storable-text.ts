/** What PostgreSQL can keep as text: no NUL, and no half of a surrogate pair. */

export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

/** Whether every string within is storable, names of members included. The value must come from JSON. */
export function holdsStorableText(value: unknown): boolean {
  if (typeof value === 'string') return isStorable(value);
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([name, member]) => isStorable(name) && holdsStorableText(member));
}

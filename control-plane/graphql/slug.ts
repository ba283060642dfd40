/** Makes a slug of a name, for people who gave none. */

const SLUG_LENGTH_MAX = 64;

/** Lower-case letters, digits and single hyphens; possibly empty, which no slug may be. */
export function slugOf(name: string): string {
  return name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, SLUG_LENGTH_MAX)
    .replace(/^-+|-+$/g, '');
}

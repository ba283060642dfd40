/** Reads slugs, and makes one of a name for people who gave none. */
import { slugSchema } from '../../shared/mcp-server.ts';
import { refuseInput } from './input-refused.ts';

const SLUG_LENGTH_MAX = 64;

/** Refuses what is no slug, also where the name has no letter to make one of. */
export function readSlug(given: string | null, name: string): string {
  const reading = slugSchema.safeParse(given ?? slugOf(name));
  if (reading.success) return reading.data;
  const message = given === null ? 'no slug can be made of the name' : 'a slug has lower-case letters, digits and hyphens inside, at most 64 of them';
  throw refuseInput(['slug'], 'INVALID', message, given === null ? 'give a slug as well' : null);
}

function slugOf(name: string): string {
  return name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, SLUG_LENGTH_MAX)
    .replace(/^-+|-+$/g, '');
}

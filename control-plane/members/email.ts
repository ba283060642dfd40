/** Reads addresses of people. */
import { z } from 'zod';
import { parseInput } from '../graphql/input-refused.ts';

const EMAIL_LENGTH_MAX = 254;
const emailSchema = z.string().trim().toLowerCase().max(EMAIL_LENGTH_MAX).pipe(z.email('this is no address'));

/** In lower case: hardly any host tells capitals apart, and people do not at all. */
export function readEmail(email: string): string {
  return parseInput(emailSchema, email, ['email']);
}

export function domainOf(email: string): string {
  return email.slice(email.lastIndexOf('@') + 1);
}

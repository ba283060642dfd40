/** Slows down whoever guesses passwords: so many attempts for an account and from an address, over all replicas. */
import { hash } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { rateLimited } from '../graphql/errors.ts';

/** By the address of the account, whether there is one or not. */
const ATTEMPTS_OF_ACCOUNT_MAX = 10;
/** Many people may share one. */
const ATTEMPTS_OF_ADDRESS_MAX = 50;
const WINDOW = '15 minutes';
const countedSchema = z.array(z.object({ attempts: z.number(), seconds_left: z.coerce.number() })).length(1);

export interface Attempt {
  readonly email: string;
  readonly address: string;
}

/** Counts before the password is looked at, so that guesses that come at once are counted like those that follow each other. Throws RATE_LIMITED. */
export async function countAttempt(em: EntityManager, { email, address }: Attempt): Promise<void> {
  await count(em, subjectOf('address', address), ATTEMPTS_OF_ADDRESS_MAX);
  await count(em, subjectOf('account', email), ATTEMPTS_OF_ACCOUNT_MAX);
}

/** The password was right: the account starts anew, and the address gets this attempt back. */
export async function forgiveAttempt(em: EntityManager, { email, address }: Attempt): Promise<void> {
  await em.execute(`delete from sign_in_attempts where subject = ? or since < now() - interval '${WINDOW}'`, [subjectOf('account', email)]);
  await em.execute(`update sign_in_attempts set attempts = attempts - 1 where subject = ? and attempts > 0`, [subjectOf('address', address)]);
}

async function count(em: EntityManager, subject: string, attemptsMax: number): Promise<void> {
  const isOver = `sign_in_attempts.since < now() - interval '${WINDOW}'`;
  const rows: unknown = await em.execute(
    `insert into sign_in_attempts (subject, attempts, since) values (?, 1, now())
     on conflict (subject) do update set
       attempts = case when ${isOver} then 1 else sign_in_attempts.attempts + 1 end,
       since = case when ${isOver} then now() else sign_in_attempts.since end
     returning attempts, ceil(extract(epoch from since + interval '${WINDOW}' - now())) as seconds_left`,
    [subject],
  );
  const [counted] = countedSchema.parse(rows);
  if (counted !== undefined && counted.attempts > attemptsMax) throw rateLimited('too many attempts to sign in', counted.seconds_left);
}

/** What anybody may type is not worth keeping as it is. */
function subjectOf(kind: 'account' | 'address', name: string): string {
  return hash('sha256', `${kind}:${name}`, 'base64url');
}

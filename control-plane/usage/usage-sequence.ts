/** Reads the cursors of subscriptions to usage: places in the order in which records were stored. */
import { badInput } from '../graphql/errors.ts';

/** PostgreSQL's largest bigint. */
const SEQUENCE_MAX = 2n ** 63n - 1n;

/** Throws BAD_USER_INPUT for any other text. */
export function readSequence(cursor: string): string {
  const sequence = Buffer.from(cursor, 'base64url').toString('utf8');
  if (!/^\d{1,19}$/.test(sequence) || BigInt(sequence) > SEQUENCE_MAX) throw badInput('the cursor is not one of this subscription');
  return sequence;
}

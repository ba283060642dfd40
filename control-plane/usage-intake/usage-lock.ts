/** One at a time changes what is stored of usage, in whichever replica. */
import type { EntityManager } from '@mikro-orm/postgresql';

/** Any number, the same in every replica. */
const USAGE_LOCK = 7_261_002;

/** Until the transaction ends. Batches are stored one after the other, so that sequences are in the order of commits; partitions change between them. */
export async function lockUsage(em: EntityManager): Promise<void> {
  await em.execute('select pg_advisory_xact_lock(?)', [USAGE_LOCK]);
}

/** Gives connections back to the pool that were lost in the middle of a transaction. */
import type { Pool, PoolClient } from 'pg';

/**
 * Whoever holds a transaction gives its connection back when it was rolled back, and on a lost connection nothing can be: one after the other would be missing,
 * until the pool has none left, and it would wait for them at its end.
 */
export function giveBackLost(pool: Pool): void {
  const held = new WeakSet<PoolClient>();
  pool.on('connect', (client) => {
    // A moment later, by when everybody else has given back what they hold.
    client.once('end', () => setImmediate(() => held.has(client) && client.release(true)));
  });
  pool.on('acquire', (client) => held.add(client));
  pool.on('release', (_error, client) => held.delete(client));
}

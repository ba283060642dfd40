/** Gives back to its pool every connection that ends while somebody holds it, whether or not that somebody ever lets go of it. */
import type { Pool, PoolClient } from 'pg';

/**
 * The library below the ORM keeps a connection for ever on which a transaction could not begin. It would be missing from the pool, and
 * be waited for when the pool is closed.
 */
export function giveBackLostConnections(pool: Pool): void {
  const held = new WeakSet<PoolClient>();
  pool.on('acquire', (client) => held.add(client));
  pool.on('release', (_error, client) => held.delete(client));
  pool.on('connect', (client) => {
    client.once('end', () => {
      if (!held.has(client)) return;
      const giveBack = client.release;
      // Whoever holds it may still let go of it, as he should.
      client.release = () => undefined;
      giveBack(true);
    });
  });
}

/** What traffic has shown of the clients of agents: one statement for all that an operation asks about. */
import type { EntityManager } from '@mikro-orm/postgresql';
import DataLoader from 'dataloader';
import { z } from 'zod';
import { oneOf } from '../database/sql-condition.ts';
import type { UsageTotals } from '../usage/usage-analytics.types.ts';
import { DAY_MILLIS } from '../usage/usage-buckets.ts';
import type { UsageOfEach } from '../usage/usage-of-each.ts';

export interface ClientUsage {
  /** Of the last 24 hours. */
  load(clientId: string): Promise<UsageTotals>;
}

const rowsSchema = z.array(z.object({ id: z.string(), at: z.coerce.date() }));

/** Null for a client that was never seen. */
export function clientsSeen(em: EntityManager, organisationId: string): DataLoader<string, Date | null> {
  return new DataLoader(async (clientIds) => {
    const { sql, values } = oneOf('agent_client_id', clientIds);
    const rows = await em.execute(
      `select agent_client_id as id, max(last_seen_at) as at from client_sightings where organisation_id = ? and ${sql} group by agent_client_id`,
      [organisationId, ...values],
    );
    const seen = new Map(rowsSchema.parse(rows).map(({ id, at }) => [id, at]));
    return clientIds.map((id) => seen.get(id) ?? null);
  });
}

/** One moment for all clients, so that they are summed together. */
export function clientUsage(usage: UsageOfEach): ClientUsage {
  const lt = new Date();
  const range = { gte: new Date(lt.getTime() - DAY_MILLIS), lt };
  return { load: (id) => usage.load({ group: 'AGENT_CLIENT', id, range, hasLatencies: false }) };
}

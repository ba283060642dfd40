/** Budgets and quotas as an administrator makes them, with what a test does not care about filled in. */
import { z } from 'zod';
import type { AdminClient } from './admin-client.ts';

/** Of the organisation, by the day. */
export const OWN_DAILY = { name: 'limit', ownerType: 'ORGANISATION', schedule: { period: 'DAILY', timezone: 'UTC' } } as const;

const madeSchema = z.object({ id: z.string() });

/** Answers its id. */
export async function newLimit(admin: AdminClient, kind: 'Budget' | 'Quota', given: Readonly<Record<string, unknown>>): Promise<string> {
  const field = kind.toLowerCase();
  const payload = await admin.mutate(`create${kind}`, `${kind}Input`, { ...OWN_DAILY, ...given }, `${field} { id }`);
  return madeSchema.parse(payload[field]).id;
}

const windowSchema = z.object({
  startsAt: z.string(),
  endsAt: z.string(),
  limit: z.string(),
  used: z.string(),
  reserved: z.string(),
  remaining: z.string(),
  carriedOver: z.string(),
  projectedExhaustionAt: z.string().nullable(),
});
export type ShownWindow = z.infer<typeof windowSchema>;
export const WINDOW_FIELDS = 'startsAt endsAt limit used reserved remaining carriedOver projectedExhaustionAt';

/** The windows of the moment of all budgets or quotas, in the order in which they were made. */
export async function windowsOf(admin: AdminClient, list: 'budgets' | 'quotas'): Promise<(ShownWindow | null)[]> {
  const answer = await admin.query(`{ ${list} { nodes { window { ${WINDOW_FIELDS} } } } }`);
  return z
    .object({ nodes: z.array(z.object({ window: windowSchema.nullable() })) })
    .parse(answer[list])
    .nodes.map(({ window }) => window);
}

/** Sees to it that one replica alone gets the next token of a connection: many servers take a refresh token once. */
import { randomUUID } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';

/** Longer than any errand to an authorisation server takes; a replica that dies with a claim holds it for no longer. */
const CLAIM = "interval '60 seconds'";
const FREE = '(claimed_until is null or claimed_until < now())';

export interface Claimed {
  readonly id: string;
  readonly organisationId: string;
  readonly claim: string;
}

const rowsSchema = z.array(z.object({ id: z.string(), organisationId: z.string(), claim: z.string() })).max(1);

/** The connection whose token is due the longest; undefined when none is. `em` sees those of all organisations. */
export function claimDue(em: EntityManager): Promise<Claimed | undefined> {
  return claim(
    em,
    `id = (select id from upstream_connections where refresh_due_at <= now() and ${FREE} order by refresh_due_at limit 1 for update skip locked)`,
    [],
  );
}

/** Undefined while another one has it. */
export function claimOne(em: EntityManager, id: string): Promise<Claimed | undefined> {
  return claim(em, `id = ? and ${FREE}`, [id]);
}

async function claim(em: EntityManager, condition: string, values: readonly string[]): Promise<Claimed | undefined> {
  const rows = await em
    .fork()
    .execute(
      `update upstream_connections set claimed_until = now() + ${CLAIM}, claim = ? where ${condition} returning id, organisation_id as "organisationId", claim`,
      [randomUUID(), ...values],
    );
  return rowsSchema.parse(rows)[0];
}

/** What is to be told of an organisation's usage: what filters stopped, and events that could not be stored. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { deadLettersOf } from '../usage-intake/dead-letters.ts';
import type { AlertCondition } from './alert-condition.ts';

const blockedSchema = z.array(z.object({ serverId: z.string().nullable(), slug: z.string().nullable(), calls: z.string() }));

export async function usageConditions(em: EntityManager, organisationId: string): Promise<AlertCondition[]> {
  return [...(await blockedWords(em, organisationId)), ...(await deadLetters(em, organisationId))];
}

/** In this hour or the one before it. */
async function blockedWords(em: EntityManager, organisationId: string): Promise<AlertCondition[]> {
  const rows = await em.execute(
    `select server_id as "serverId", max(server_slug) as slug, sum(calls)::text as calls from usage_hours
     where organisation_id = ? and at >= date_trunc('hour', now(), 'UTC') - interval '1 hour' and dlp_outcome = 'BLOCKED' group by server_id order by server_id`,
    [organisationId],
  );
  return blockedSchema.parse(rows).map(({ serverId, slug, calls }) => ({
    kind: 'DLP_BLOCKED',
    severity: 'WARNING',
    targetId: serverId ?? organisationId,
    title: `filters of ${slug ?? 'the organisation'} have stopped calls`,
    detail: { calls },
  }));
}

async function deadLetters(em: EntityManager, organisationId: string): Promise<AlertCondition[]> {
  const { count, reasons } = await deadLettersOf(em, organisationId);
  if (count === 0) return [];
  const title = 'usage events could not be stored, and are missing in every sum';
  return [{ kind: 'DEAD_LETTERS', severity: 'CRITICAL', targetId: organisationId, title, detail: { count, reason: reasons[0]?.reason ?? null } }];
}

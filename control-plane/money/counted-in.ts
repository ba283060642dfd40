/** In which Redis the windows of an organisation were last counted, as PostgreSQL remembers it, so that usage which another one was told is not overlooked. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { lockUsage } from '../usage-intake/usage-lock.ts';

/** Before windows are summed: every batch of usage is then stored either before, and summed, or after, and compared with this. */
export function noteCounting(em: EntityManager, organisationId: string, greeting: string): Promise<void> {
  return em.fork().transactional(async (writer) => {
    await lockUsage(writer);
    await writer.execute(
      `insert into window_countings (organisation_id, greeting) values (?, ?) on conflict (organisation_id) do update set greeting = excluded.greeting`,
      [organisationId, greeting],
    );
  });
}

const ownersSchema = z.array(z.object({ organisation_id: z.string() }));

/** Which of the organisations were counted in another Redis than the one that was greeted so. */
export async function countedElsewhere(em: EntityManager, organisationIds: readonly string[], greeting: string): Promise<string[]> {
  const rows = await em.execute(
    `select organisation_id from window_countings where greeting <> ? and organisation_id in (select jsonb_array_elements_text(?::jsonb))`,
    [greeting, JSON.stringify(organisationIds)],
  );
  return ownersSchema.parse(rows).map(({ organisation_id: organisationId }) => organisationId);
}

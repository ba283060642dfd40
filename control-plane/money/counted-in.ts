/** In which Redis the windows of an organisation were last counted, as PostgreSQL remembers it, so that usage which another one was told is not overlooked. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { lockUsage } from '../usage-intake/usage-lock.ts';
import type { OnStored } from '../usage-intake/usage-writer.ts';

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

/** Closes windows that were counted without usage which is being stored, until they are counted again. */
export interface CountedWindows {
  closeWindows(organisationId: string): Promise<void>;
}

/** For usage that was read from the Redis which was greeted so: windows that were counted in another one lack it. */
export function closingCountedElsewhere(counted: CountedWindows, greeting: string): OnStored {
  // Before what was stored is committed: whatever ends in between, windows are either closed or right.
  return async (em, organisationIds) => {
    for (const organisationId of await countedElsewhere(em, organisationIds, greeting)) await counted.closeWindows(organisationId);
  };
}

const ownersSchema = z.array(z.object({ organisation_id: z.string() }));

/** Which of the organisations were counted in another Redis than the one that was greeted so. */
async function countedElsewhere(em: EntityManager, organisationIds: readonly string[], greeting: string): Promise<string[]> {
  const rows = await em.execute(
    `select organisation_id from window_countings where greeting <> ? and organisation_id in (select jsonb_array_elements_text(?::jsonb))`,
    [greeting, JSON.stringify(organisationIds)],
  );
  return ownersSchema.parse(rows).map(({ organisation_id: organisationId }) => organisationId);
}

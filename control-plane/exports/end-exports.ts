/** Ends exports whose time is over, and forgets them in the end. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { noteLiveChangesOfEach } from '../live/live-changes.ts';

/** What ended is told of for so long. */
const KEPT = '30 days';
const endedSchema = z.array(z.object({ subjectId: z.string(), organisationId: z.string() }));

/** `em` sees every organisation. */
export async function endExports(em: EntityManager): Promise<void> {
  await em.fork().transactional(async (writer) => {
    const rows = await writer.execute(
      `update exports set state = 'EXPIRED' where state in ('PENDING', 'READY') and expires_at <= now() returning id as "subjectId", organisation_id as "organisationId"`,
    );
    await noteLiveChangesOfEach(writer, 'EXPORT', endedSchema.parse(rows));
    await writer.execute(`delete from exports where expires_at < now() - interval '${KEPT}'`);
  });
}

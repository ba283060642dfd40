/** Counts what exports hold; each is done by one replica, and by another one when that is lost. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import { z } from 'zod';
import { RepeatedTask } from '../background/repeated-task.ts';
import { insideOrganisation } from '../database/tenant-filter.ts';
import { noteLiveChanges } from '../live/live-changes.ts';
import { EXPORT_KINDS, EXPORT_SOURCES } from './export-sources.ts';

const PAUSE_MILLIS = 2000;
const COUNT_MILLIS_MAX = 300_000;
/** Longer than counting takes at most. */
const CLAIM = '10 minutes';
/** PostgreSQL ended the statement, since it took too long. */
const TOO_LONG = '57014';

const claimedSchema = z.array(
  z.object({ id: z.string(), organisation_id: z.string(), kind: z.enum(EXPORT_KINDS), filter: z.unknown(), upto: z.coerce.string() }),
);
type Claimed = z.infer<typeof claimedSchema>[number];
const countSchema = z.object({ count: z.string() });

/** `em` sees every organisation. */
export function startExportKeeper(em: EntityManager, log: Logger): RepeatedTask {
  return new RepeatedTask({ pauseMillis: PAUSE_MILLIS, log, complaint: 'exports cannot be made ready now' }, async (signal) => {
    for (let claimed = await claim(em); claimed !== undefined && !signal.aborted; claimed = await claim(em)) await makeReady(em, claimed);
  });
}

async function claim(em: EntityManager): Promise<Claimed | undefined> {
  const rows = await em.fork().execute(
    `update exports set claimed_until = now() + interval '${CLAIM}'
     where id = (select id from exports where state = 'PENDING' and expires_at > now() and (claimed_until is null or claimed_until < now())
       order by id limit 1 for update skip locked)
     returning id, organisation_id, kind, filter, upto::text as upto`,
  );
  return claimedSchema.parse(rows)[0];
}

async function makeReady(everything: EntityManager, { id, organisation_id: organisationId, kind, filter, upto }: Claimed): Promise<void> {
  const { from, where } = EXPORT_SOURCES[kind].counted(organisationId, filter, upto);
  const inside = insideOrganisation(everything, organisationId);
  const outcome = await countRows(inside, `select count(*)::text as count from ${from} where ${where.sql}`, where.values);
  await inside.fork().transactional(async (writer) => {
    await writer.execute('update exports set state = ?, rows = ?, error = ? where id = ?', [
      outcome.error === null ? 'READY' : 'FAILED',
      outcome.rows,
      outcome.error,
      id,
    ]);
    await noteLiveChanges(writer, 'EXPORT', organisationId, [id]);
  });
}

/** What takes too long would take too long the next time. */
async function countRows(em: EntityManager, sql: string, values: readonly unknown[]): Promise<{ rows: string | null; error: string | null }> {
  try {
    return await em.fork().transactional(async (reader) => {
      await reader.execute(`set local statement_timeout = ${COUNT_MILLIS_MAX}`);
      const [row] = await reader.execute(sql, [...values]);
      return { rows: countSchema.parse(row).count, error: null };
    });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === TOO_LONG) return { rows: null, error: 'counting took too long: export a shorter range' };
    throw error;
  }
}

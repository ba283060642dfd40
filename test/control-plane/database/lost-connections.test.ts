/** However often connections are cut, whatever they are doing then, the pool has all of its places again. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { openMigratedOrm } from '../../../control-plane/database/orm.ts';
import { acrossOrganisations } from '../../../control-plane/database/roles.ts';
import { startTestPostgres } from '../../support/postgres.ts';
import { recordingLog } from '../../support/recording-log.ts';

const AT_ONCE = 10;
/** Enough for the cut to come in their midst. */
const WAITING = 200;
const CUTS = 12;
const pidSchema = z.tuple([z.object({ pid: z.number() })]);

test('connections that are cut while transactions begin on them are not missing from the pool, and nobody waits for them at its end', async () => {
  const database = await startTestPostgres();
  const orm = await openMigratedOrm(database.url, recordingLog().log);
  const ask = () => acrossOrganisations(orm.em).execute('select 1 as one');
  try {
    for (let cut = 0; cut < CUTS; cut++) {
      const cutting = database.query('select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname is not null');
      await Promise.allSettled(Array.from({ length: WAITING }, ask));
      await cutting;
    }
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, ask));
    expect(answers).toEqual(Array.from({ length: AT_ONCE }, () => [{ one: 1 }]));
  } finally {
    await orm.close(true);
    await database.stop();
  }
});

test('one that was lost in the middle of a transaction is not missing afterwards', async () => {
  const database = await startTestPostgres();
  const orm = await openMigratedOrm(database.url, recordingLog().log);
  for (let cut = 0; cut < CUTS; cut++) {
    const transaction = orm.em.fork().transactional(async (em) => {
      const [{ pid }] = pidSchema.parse(await em.execute('select pg_backend_pid() as pid'));
      await database.query('select pg_terminate_backend($1)', [pid]);
      await em.execute('select 1');
    });
    await expect(transaction).rejects.toThrow(/terminat|connection/);
  }
  expect(await orm.em.fork().execute('select 1 as one')).toEqual([{ one: 1 }]);
  await orm.close(true);
  await database.stop();
});

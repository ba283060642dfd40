/** However often connections are cut, whatever they are doing then, the pool has all of its places again. */
import { expect, test } from 'vitest';
import { openMigratedOrm } from '../../../control-plane/database/orm.ts';
import { acrossOrganisations } from '../../../control-plane/database/roles.ts';
import { startTestPostgres } from '../../support/postgres.ts';
import { recordingLog } from '../../support/recording-log.ts';

const AT_ONCE = 10;
/** Enough for the cut to come in their midst. */
const WAITING = 200;
const CUTS = 12;

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

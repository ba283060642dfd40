/** What is kept for a while is gone after it, whatever else cannot be cleared away. */
import 'reflect-metadata';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { acrossOrganisations } from '../../../control-plane/database/roles.ts';
import { startHousekeeping } from '../../../control-plane/live/housekeeping.ts';
import { recordingLog } from '../../support/recording-log.ts';
import { startUsageDatabase, type UsageDatabase } from '../../support/usage.ts';

let usage: UsageDatabase;

beforeAll(async () => {
  usage = await startUsageDatabase();
});
afterAll(() => usage?.close());

test('answers with secrets in them are gone after a day, also while the health of servers cannot be forgotten', async () => {
  await usage.database.query(`insert into organisations (id, slug, name) values ('org_1', 'one', 'One')`);
  await usage.database.query(
    `insert into idempotent_requests (id, organisation_id, body_hash, begun_at)
     values ('old', 'org_1', 'h', now() - interval '25 hours'), ('new', 'org_1', 'h', now() - interval '23 hours')`,
  );
  const { log, lines } = recordingLog();
  const health = { forget: () => Promise.reject(new Error('it cannot be forgotten')) };
  const tasks = startHousekeeping(acrossOrganisations(usage.orm.em), health, log);
  await Promise.all(tasks.map((task) => task.firstRound));
  await Promise.all(tasks.map((task) => task.close()));
  expect(await usage.database.query('select id from idempotent_requests')).toEqual([{ id: 'new' }]);
  expect(lines.filter((line) => line.includes('what is over cannot be cleared away'))).toHaveLength(1);
});

/** Records get their places in the order of commits: a reader that has passed a place has seen everything before it. */
import 'reflect-metadata';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeUsage } from '../../../control-plane/usage-intake/usage-writer.ts';
import { eventually } from '../../support/processes.ts';
import { startUsageDatabase, usageEvent, type UsageDatabase } from '../../support/usage.ts';

let usage: UsageDatabase;
let gate: Client;

beforeAll(async () => {
  usage = await startUsageDatabase();
  gate = new Client({ connectionString: usage.database.url });
  await gate.connect();
});
afterAll(async () => {
  await gate?.end();
  await usage?.close();
});

test('a write that takes long is not overtaken by a quicker one', async () => {
  const [slow, quick] = [usageEvent(), usageEvent()];
  await gate.query('select pg_advisory_lock(7)');
  await gate.query('create function wait() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock(7); return null; end $$');
  await gate.query(`create trigger wait after insert on usage_records for each row when (new.request_id = '${slow.requestId}') execute function wait()`);
  const writes = [writeUsage(usage.orm.em, [slow])];
  await eventually(async () => ((await waiting()) === 1 ? true : undefined), 'the slow write waiting at the gate');
  writes.push(writeUsage(usage.orm.em, [quick]));
  await eventually(async () => ((await waiting()) === 2 || (await recorded()).length > 0 ? true : undefined), 'the quick write waiting or being done');
  expect(await recorded()).toEqual([]);
  await gate.query('select pg_advisory_unlock(7)');
  await Promise.all(writes);
  expect(await recorded()).toEqual([slow.requestId, quick.requestId]);
});

async function waiting(): Promise<number> {
  const { rows } = await gate.query(`select 1 from pg_locks where locktype = 'advisory' and not granted`);
  return rows.length;
}

async function recorded(): Promise<unknown[]> {
  const rows = await usage.database.query('select request_id from usage_records order by sequence');
  return rows.map(({ request_id: requestId }) => requestId);
}

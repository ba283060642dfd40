/** Each record is in the month of its request id, is one however late it is told again, and goes with its month. */
import 'reflect-metadata';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { keepPartitions } from '../../../control-plane/usage-intake/usage-partitions.ts';
import { writeUsage } from '../../../control-plane/usage-intake/usage-writer.ts';
import { newId } from '../../../shared/ids.ts';
import { startUsageDatabase, usageEvent, type UsageDatabase } from '../../support/usage.ts';

const NOW = Date.UTC(2026, 10, 30, 23, 59, 59, 999);

let usage: UsageDatabase | undefined;

beforeEach(async () => {
  await usage?.close();
  usage = await startUsageDatabase();
});
afterAll(() => usage?.close());

function opened(): UsageDatabase {
  if (usage === undefined) throw new Error('there is no database yet');
  return usage;
}

const at = (timeMillis: number) => usageEvent({ timeMillis, requestId: newId('request', timeMillis) });
const keep = (nowMillis: number, retentionDays?: number) => keepPartitions(opened().orm.em, nowMillis, retentionDays);

async function whereStored(table = 'usage_records'): Promise<string[]> {
  const rows = await opened().database.query(`select tableoid::regclass::text as partition from ${table} order by request_id`);
  return rows.map(({ partition }) => String(partition));
}

async function partitions(table = 'usage_records'): Promise<string[]> {
  const rows = await opened().database.query(`select inhrelid::regclass::text as name from pg_inherits where inhparent = '${table}'::regclass order by name`);
  return rows.map(({ name }) => String(name));
}

test('months are made ahead, once, also by replicas that do it at the same time', async () => {
  await Promise.all([keep(NOW), keep(NOW), keep(NOW)]);
  for (const table of ['usage_records', 'mcp_usage_records'])
    expect(await partitions(table)).toEqual([`${table}_2026_11`, `${table}_2026_12`, `${table}_2027_01`, `${table}_default`]);
});

test('the last millisecond of a month and the first of the next are in different months', async () => {
  await keep(NOW);
  await writeUsage(opened().orm.em, [at(NOW), at(NOW + 1)]);
  expect(await whereStored()).toEqual(['usage_records_2026_11', 'usage_records_2026_12']);
  expect(await whereStored('mcp_usage_records')).toEqual(['mcp_usage_records_2026_11', 'mcp_usage_records_2026_12']);
});

test('an event that is told again after midnight, with the later time, is the record of before midnight', async () => {
  await keep(NOW);
  const event = at(NOW);
  await writeUsage(opened().orm.em, [event]);
  await keep(NOW + 2);
  expect(await writeUsage(opened().orm.em, [{ ...event, timeMillis: NOW + 1, costNanosUsd: '99' }])).toBe(0);
  expect(await opened().stored()).toEqual({ records: 1, sidecars: 1, costNanosUsd: '1' });
});

test('what came when its month was not there is stored, and moved when it is; what has no time stays', async () => {
  const old = at(Date.UTC(2024, 1, 29));
  const nameless = usageEvent({ requestId: 'req_unlike' });
  await writeUsage(opened().orm.em, [old, at(NOW), nameless]);
  expect(new Set(await whereStored())).toEqual(new Set(['usage_records_default']));
  await keep(NOW);
  expect(await whereStored()).toEqual(['usage_records_2024_02', 'usage_records_2026_11', 'usage_records_default']);
  expect(await writeUsage(opened().orm.em, [old])).toBe(0);
  expect(await opened().stored()).toMatchObject({ records: 3, sidecars: 3 });
});

test('a month is dropped when its last day is older than the retention, not before; its sums stay', async () => {
  const days = 30;
  const start = Date.UTC(2026, 10, 1);
  await writeUsage(opened().orm.em, [at(start), at(NOW)]);
  await keep(NOW);
  await keep(NOW + days * 86_400_000, days);
  expect(await opened().stored()).toMatchObject({ records: 2 });
  await keep(NOW + 1 + days * 86_400_000, days);
  expect(await opened().stored()).toMatchObject({ records: 0, sidecars: 0 });
  expect(await partitions()).not.toContain('usage_records_2026_11');
  expect(await opened().database.query('select sum(calls)::integer as calls from usage_days')).toEqual([{ calls: 2 }]);
});

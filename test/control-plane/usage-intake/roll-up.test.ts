/** The sums of usage are exactly what its records make, whoever writes them and however often they are told. */
import 'reflect-metadata';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { usageDifferences } from '../../../control-plane/usage/verify-usage.ts';
import { writeUsage } from '../../../control-plane/usage-intake/usage-writer.ts';
import type { UsageEvent } from '../../../shared/usage-event.ts';
import { startUsageDatabase, usageEvent, type UsageDatabase } from '../../support/usage.ts';

const NOON = Date.UTC(2026, 10, 20, 12);
const DAY_MILLIS = 86_400_000;
const ALL = { gte: new Date(NOON - 30 * DAY_MILLIS), lt: new Date(NOON + 30 * DAY_MILLIS) };
const RUNS = 40;

let usage: UsageDatabase;

beforeAll(async () => {
  usage = await startUsageDatabase();
});
afterAll(() => usage?.close());
beforeEach(() => usage.clear());

const anyEvent = fc
  .record({
    organisationId: fc.constantFrom('org_own', 'org_other', null),
    // Around midnight, with a few hours to both sides.
    timeMillis: fc.integer({ min: NOON + 8 * 3_600_000, max: NOON + 16 * 3_600_000 }),
    apiKeyId: fc.constantFrom('key_1', 'key_2', null),
    serverId: fc.constantFrom('srv_1', null),
    tool: fc.oneof(
      fc.constantFrom('echo', null),
      fc.string({ maxLength: 3 }).map((text) => text.replaceAll('\0', '')),
    ),
    clientName: fc.constantFrom('claude-code', null),
    decision: fc.constantFrom('ALLOWED', 'DENIED', 'ERRORED'),
    code: fc.constantFrom('mcp_guardrail_block', null),
    inputBytes: fc.nat(),
    outputBytes: fc.nat(),
    costNanosUsd: fc.bigInt({ min: 0n, max: 10n ** 30n - 1n }).map(String),
    latencyMicros: fc.oneof(fc.nat(100_000_000), fc.constantFrom(255, 256, 383, 384, 2 ** 26)),
  })
  .map(usageEvent);

/** Batches for two writers, with events that either tells again, in the same batch or in another. */
const anyWriting = fc
  .record({ events: fc.array(anyEvent, { minLength: 1, maxLength: 40 }), told: fc.array(fc.tuple(fc.nat(), fc.nat(7)), { maxLength: 120 }) })
  .map(({ events, told }) => {
    const batches: UsageEvent[][] = Array.from({ length: 8 }, () => []);
    const tellings = [...events.map((_, index): [number, number] => [index, index % 8]), ...told];
    for (const [index, batch] of tellings) {
      const event = events[index % events.length];
      if (event !== undefined) batches[batch]?.push(event);
    }
    return batches.filter((batch) => batch.length > 0);
  });

test('after random batches of two writers at once, with events told again, every sum is that of the records', async () => {
  await fc.assert(
    fc.asyncProperty(anyWriting, async (batches) => {
      await usage.clear();
      const writer = async (from: number) => {
        for (let index = from; index < batches.length; index += 2) await writeUsage(usage.orm.em, batches[index] ?? []);
      };
      await Promise.all([writer(0), writer(1)]);
      expect((await usage.stored()).records).toBe(new Set(batches.flat().map(({ requestId }) => requestId)).size);
      expect(await usageDifferences(usage.orm.em, ALL)).toEqual([]);
    }),
    { numRuns: RUNS },
  );
});

test('a sum that is wrong by one nano, one that nothing is behind and one that is not there are told', async () => {
  await writeUsage(usage.orm.em, [usageEvent({ timeMillis: NOON, tool: 'one' }), usageEvent({ timeMillis: NOON, tool: 'two' })]);
  await usage.database.query(`update usage_hours set cost_nanos_usd = cost_nanos_usd + 1 where tool = 'one'`);
  await usage.database.query(`update usage_days set tool = 'three' where tool = 'two'`);
  await usage.database.query(`update usage_hour_slices set cost_nanos_usd = cost_nanos_usd + 1 where slice = 'tool' and tool = 'one'`);
  await usage.database.query(`delete from usage_day_slices where slice = 'server_tool' and tool = 'two'`);
  const told = (await usageDifferences(usage.orm.em, ALL)).map(
    ({ table, kind, sums }) => `${table} ${kind} ${String(sums['tool'])} ${String(sums['cost_nanos_usd'])}`,
  );
  expect(told.toSorted()).toEqual([
    'usage_day_slices server_tool missing two 1',
    'usage_days missing two 1',
    'usage_days unfounded three 1',
    'usage_hour_slices tool missing one 1',
    'usage_hour_slices tool unfounded one 2',
    'usage_hours missing one 1',
    'usage_hours unfounded one 2',
  ]);
});

test('what cannot be summed is not recorded either', async () => {
  await usage.database.query(`create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$`);
  await usage.database.query(`create trigger refuse before insert on usage_days for each row execute function refuse()`);
  await expect(writeUsage(usage.orm.em, [usageEvent()])).rejects.toThrow('no');
  await usage.database.query('drop trigger refuse on usage_days');
  expect((await usage.stored()).records).toBe(0);
});

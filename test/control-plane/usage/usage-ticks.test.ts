/** Live sums: every record is in one frame, whoever comes back goes on behind the last one, and nobody sees what is not theirs. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { writeUsageEvent, type UsageEvent } from '../../../shared/usage-event.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';
import { eventually } from '../../support/processes.ts';
import { subscribeTo, type Subscription } from '../../support/subscription.ts';
import { usageEvent } from '../../support/usage.ts';

const TICKS = `subscription($filter: UsageFilter!, $intervalMs: Int, $groupBy: UsageGroupBy, $top: Int, $after: String) {
  usageTick(filter: $filter, intervalMs: $intervalMs, groupBy: $groupBy, top: $top, after: $after) {
    cursor at windowMs truncated totals { calls denied cost { nanosUsd } latencyP95Ms } series { key label totals { calls cost { nanosUsd } } } } }`;
const START = Buffer.from('0').toString('base64url');

const totalsSchema = z.looseObject({ calls: z.string(), cost: z.object({ nanosUsd: z.string() }) });
const tickSchema = z.object({
  usageTick: z.object({
    cursor: z.string(),
    windowMs: z.number(),
    truncated: z.boolean(),
    totals: totalsSchema,
    series: z.array(z.object({ key: z.string(), label: z.string(), totals: totalsSchema })),
  }),
});
type Tick = z.infer<typeof tickSchema>['usageTick'];

let plane: TestControlPlane;
const subscriptions: Subscription[] = [];

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());
afterEach(async () => {
  for (const subscription of subscriptions.splice(0)) await subscription.close();
});

function record(given: Partial<UsageEvent>): void {
  plane.usageQueue.append(writeUsageEvent(usageEvent({ organisationId: plane.organisationId, ...given })));
}

const everythingStored = () => eventually(() => (plane.usageQueue.size === 0 ? true : undefined), 'every event being stored');

function follow(variables: Record<string, unknown>, token = plane.token): () => Promise<Tick> {
  const subscription = subscribeTo(plane.graphqlUrl, { query: TICKS, variables: { filter: { range: {} }, intervalMs: 250, ...variables }, token });
  subscriptions.push(subscription);
  return async () => tickSchema.parse(await subscription.next()).usageTick;
}

/** Frames until so many calls were told, and the sums of them all. */
async function until(next: () => Promise<Tick>, calls: number): Promise<{ frames: Tick[]; cost: bigint }> {
  const frames: Tick[] = [];
  for (let told = 0; told < calls; told += Number(frames.at(-1)?.totals.calls)) frames.push(await next());
  expect(frames.reduce((sum, { totals }) => sum + Number(totals.calls), 0)).toBe(calls);
  return { frames, cost: frames.reduce((sum, { totals }) => sum + BigInt(totals.cost.nanosUsd), 0n) };
}

test('every record is in one frame, with the groups of most calls first', async () => {
  const filter = { range: {}, tool: ['busy', 'quiet'] };
  const next = follow({ filter, groupBy: 'TOOL', after: START });
  for (let index = 0; index < 60; index++) record({ tool: index % 3 === 0 ? 'quiet' : 'busy', costNanosUsd: String(10n ** 20n + BigInt(index)) });
  const { frames, cost } = await until(next, 60);
  expect(cost).toBe(60n * 10n ** 20n + (59n * 60n) / 2n);
  const quiet = frames.flatMap(({ series }) => series).filter(({ key }) => key === 'quiet');
  expect(quiet.reduce((sum, { totals }) => sum + Number(totals.calls), 0)).toBe(20);
  for (const { series, totals } of frames) {
    const calls = series.map((one) => Number(one.totals.calls));
    expect(calls).toEqual(calls.toSorted((left, right) => right - left));
    expect(calls.reduce((sum, count) => sum + count, 0)).toBe(Number(totals.calls));
  }
});

test('while nothing happens frames come all the same, and say so', async () => {
  const next = follow({ filter: { range: {}, tool: ['never'] }, groupBy: 'TOOL' });
  for (let frame = 0; frame < 2; frame++) expect(await next()).toMatchObject({ totals: { calls: '0', latencyP95Ms: null }, series: [], truncated: false });
});

test('whoever comes back with the cursor of the last frame gets what was recorded since, and nothing again', async () => {
  const filter = { range: {}, tool: ['resumed'] };
  record({ tool: 'resumed' });
  await everythingStored();
  const { frames } = await until(follow({ filter, after: START }), 1);
  for (let index = 0; index < 5; index++) record({ tool: 'resumed', decision: 'DENIED', code: 'mcp_guardrail_block' });
  await everythingStored();
  const again = await follow({ filter, after: frames.at(-1)?.cursor })();
  expect(again.totals).toMatchObject({ calls: '5', denied: '5' });
});

test('whoever comes without a cursor begins now', async () => {
  record({ tool: 'before' });
  await everythingStored();
  const tick = await follow({ filter: { range: {}, tool: ['before'] } })();
  expect(tick.totals.calls).toBe('0');
});

test('of more than a frame sums, only the newest are in it, and it says so', async () => {
  record({ tool: 'far_behind' });
  await everythingStored();
  await plane.database.query(`select setval('usage_records_sequence_seq', (select max(sequence) + 200000 from usage_records))`);
  record({ tool: 'far_behind' });
  await everythingStored();
  const tick = await follow({ filter: { range: {}, tool: ['far_behind'] }, after: START })();
  expect(tick).toMatchObject({ truncated: true, totals: { calls: '1' } });
});

test('another organisation sees its own alone, whatever cursor it comes with', async () => {
  const other = await plane.newOrganisation('watchers');
  for (const organisationId of [plane.organisationId, other.organisationId]) record({ organisationId, tool: 'shared_name', costNanosUsd: '7' });
  await everythingStored();
  const { totals } = await follow({ filter: { range: {}, tool: ['shared_name'] }, after: START }, other.token)();
  expect(totals).toMatchObject({ calls: '1', cost: { nanosUsd: '7' } });
});

test.each([
  ['frames that come too often', { intervalMs: 249 }, 'intervalMs must be between 250 and 60000'],
  ['frames that hardly come', { intervalMs: 60_001 }, 'intervalMs must be between 250 and 60000'],
  ['too many groups', { groupBy: 'TOOL', top: 51 }, 'top must be between 1 and 50'],
  ['a cursor that is none', { after: '!' }, 'the cursor is not one of this subscription'],
])('%s are refused with a sentence', async (_name, variables, sentence) => {
  await expect(follow(variables)()).rejects.toThrow(sentence);
});

test('following needs USAGE_READ', async () => {
  const { token } = await plane.newAdminToken({ permissions: ['KEY_MANAGE'] });
  await expect(follow({}, token)()).rejects.toThrow('this needs USAGE_READ');
});

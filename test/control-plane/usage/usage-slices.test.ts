/** Sums of few dimensions answer what single records would, for every group and filter, and show nothing that lies outside of the range. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { sliceOf } from '../../../control-plane/usage/usage-slices.ts';
import { writeUsageEvent, type UsageEvent } from '../../../shared/usage-event.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';
import { eventually } from '../../support/processes.ts';
import { usageEvent } from '../../support/usage.ts';

const HOUR_MILLIS = 3_600_000;
/** Not the beginning of an hour, nearer to the one before. */
const START = Date.UTC(2026, 9, 1, 10, 20);
const END = START + 75 * HOUR_MILLIS + 25 * 60_000;
const EVENTS = 300;
/** Those by which the events below differ. */
const GROUPS = ['SERVER', 'TOOL', 'AGENT', 'API_KEY', 'TEAM', 'DECISION', 'DENIAL_CODE', 'TRANSPORT'];
const ANALYTICS = `query($filter: UsageFilter!, $groupBy: UsageGroupBy!, $granularity: TimeGranularity) {
  usageAnalytics(filter: $filter, metrics: [COST, LATENCY_P95, UNIQUE_KEYS], groupBy: $groupBy, granularity: $granularity, top: 50) {
    totals { calls denied errors inputBytes outputBytes cost { nanosUsd } latencyP50Ms }
    series { key metric totals { calls cost { nanosUsd } } points { at value } } } }`;
const VIEWS = `query($filter: UsageFilter!, $fields: [UsageGroupBy!]!) {
  usageFacets(filter: $filter, fields: $fields) { field values { value count } }
  workflowGraph(filter: $filter) { nodes { id calls cost { nanosUsd } } edges { id calls denied cost { nanosUsd } latencyP95Ms } }
  teams: workflowGraph(filter: $filter, levels: [TEAM, API_KEY, TOOL]) { nodes { id calls } edges { id calls errors } } }`;

let plane: TestControlPlane;
let events: UsageEvent[];

beforeAll(async () => {
  plane = await startTestControlPlane();
  events = Array.from({ length: EVENTS }, (_, index) => eventOf(index));
  // Beside the range, in hours that lie partly in it.
  const outside = [START - 60_000, END + 60_000].map((timeMillis) => ({ ...eventOf(1), requestId: `req_${timeMillis}`, timeMillis, tool: 'outside' }));
  for (const event of [...events, ...outside]) plane.usageQueue.append(writeUsageEvent(event));
  await eventually(() => (plane.usageQueue.size === 0 ? true : undefined), 'every event being stored');
});
afterAll(() => plane?.close());

function eventOf(index: number): UsageEvent {
  return usageEvent({
    organisationId: plane.organisationId,
    timeMillis: START + Math.floor(((END - START) / EVENTS) * index),
    teamId: ['tea_1', 'tea_2', null][index % 3] ?? null,
    apiKeyId: `key_${index % 6}`,
    serverId: `srv_${index % 4}`,
    serverSlug: `server-${index % 4}`,
    tool: ['read', 'write', 'list', null][index % 5] ?? null,
    clientName: ['claude-code', 'cursor'][index % 2] ?? null,
    // Of every client some count as an agent.
    agentId: index % 5 === 0 ? 'agt_1' : null,
    agentClientId: index % 10 === 0 ? 'agc_1' : null,
    decision: (['ALLOWED', 'DENIED', 'ERRORED', 'ALLOWED'] as const)[index % 4] ?? 'ALLOWED',
    code: index % 4 === 1 ? 'mcp_guardrail_block' : null,
    costNanosUsd: String(10n ** 18n + BigInt(index)),
    inputBytes: index,
    latencyMicros: (index * 7919) % 900_000,
  });
}

const range = { gte: new Date(START).toISOString(), lt: new Date(END).toISOString() };
const filters: [string, Record<string, unknown>][] = [
  ['everything', {}],
  ['a server', { serverId: ['srv_1'] }],
  ['a slug and a tool', { serverSlug: ['server-2'], tool: ['read', 'write'] }],
  ['a key', { apiKeyId: ['key_1'] }],
  ['an agent and a client of none', { agentId: ['agt_1', 'cursor'] }],
  ['a client of an agent', { agentClientId: ['agc_1'], decision: ['ALLOWED'] }],
  ['a client and what was denied', { clientName: ['cursor'], decision: ['DENIED'] }],
];

test.each(filters)('%s is the same by sums and by records, in every group, hour and day', async (_name, filter) => {
  for (const [index, groupBy] of GROUPS.entries()) {
    const variables = { groupBy, granularity: index % 2 === 0 ? 'HOUR' : 'DAY' };
    const bySums = await plane.admin.query(ANALYTICS, { ...variables, filter: { range, ...filter } });
    // The status is known to records only.
    expect(bySums).toEqual(await plane.admin.query(ANALYTICS, { ...variables, filter: { range, ...filter, status: [200] } }));
  }
});

test.each(filters)('facets and graphs of %s are the same by sums and by records', async (_name, filter) => {
  const bySums = await plane.admin.query(VIEWS, { fields: GROUPS, filter: { range, ...filter } });
  expect(bySums).toEqual(await plane.admin.query(VIEWS, { fields: GROUPS, filter: { range, ...filter, status: [200] } }));
  expect(JSON.stringify(bySums)).not.toContain('outside');
});

const seriesSchema = z.object({
  usageAnalytics: z.object({
    series: z.array(z.object({ key: z.string(), metric: z.string(), totals: z.object({ calls: z.string(), cost: z.object({ nanosUsd: z.string() }) }) })),
  }),
});

test.each([
  ['TOOL', ({ tool }: UsageEvent) => tool],
  ['TEAM', ({ teamId }: UsageEvent) => teamId],
  ['AGENT', ({ agentId, clientName }: UsageEvent) => agentId ?? clientName],
] as const)('the cost of each %s is what its calls cost, to the nano', async (groupBy, valueOf) => {
  const { usageAnalytics } = seriesSchema.parse(await plane.admin.query(ANALYTICS, { groupBy, filter: { range } }));
  const told = usageAnalytics.series.filter(({ metric }) => metric === 'COST').map(({ key, totals }): [string, string] => [key, totals.cost.nanosUsd]);
  const costs = new Map<string, bigint>();
  for (const event of events) costs.set(valueOf(event) ?? '', (costs.get(valueOf(event) ?? '') ?? 0n) + BigInt(event.costNanosUsd));
  expect(new Map(told)).toEqual(new Map([...costs].map(([key, cost]) => [key, String(cost)])));
});

test('questions about few dimensions are answered from few sums, and others from all', () => {
  expect(sliceOf([])?.name).toBe('outcome');
  expect(sliceOf(['tool'])?.name).toBe('tool');
  expect(sliceOf(['tool', 'decision'])?.name).toBe('tool');
  expect(sliceOf(['tool', 'server_id'])?.name).toBe('server_tool');
  expect(sliceOf(['agent_id', 'server_id'])?.name).toBe('client_server');
  expect(sliceOf(['api_key_id', 'server_id'])).toBeUndefined();
});

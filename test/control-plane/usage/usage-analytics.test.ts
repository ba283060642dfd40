/** Summed usage is what the records say, exact, whatever the range, the group and the place that it is summed from. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { LATENCY_BOUNDS, latencyBucketOf } from '../../../control-plane/usage/latency-buckets.ts';
import { writeUsageEvent, type UsageEvent } from '../../../shared/usage-event.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';
import { eventually } from '../../support/processes.ts';
import { usageEvent } from '../../support/usage.ts';

const HOUR_MILLIS = 3_600_000;
const DAY_MILLIS = 24 * HOUR_MILLIS;
/** A Thursday. */
const START = Date.UTC(2026, 9, 1);
const EVENTS = 600;
/** Every 97 minutes, so that for six weeks each hour and minute of the day has its turn. */
const STEP_MILLIS = 97 * 60_000 + 13;

const pointsSchema = z.array(z.object({ at: z.string(), value: z.string().nullable() }));
const totalsSchema = z.object({ calls: z.string(), denied: z.string(), errors: z.string(), inputBytes: z.string(), cost: z.object({ nanosUsd: z.string() }) });
const analyticsSchema = z.object({
  usageAnalytics: z.object({
    granularity: z.string(),
    truncated: z.boolean(),
    totals: totalsSchema,
    series: z.array(z.object({ key: z.string(), label: z.string(), metric: z.string(), totals: totalsSchema, points: pointsSchema })),
  }),
});
const TOTALS = 'calls denied errors inputBytes cost { nanosUsd }';
const ANALYTICS = `query($filter: UsageFilter!, $metrics: [UsageMetric!]!, $groupBy: UsageGroupBy, $granularity: TimeGranularity, $top: Int) {
  usageAnalytics(filter: $filter, metrics: $metrics, groupBy: $groupBy, granularity: $granularity, top: $top) {
    granularity truncated totals { ${TOTALS} } series { key label metric totals { ${TOTALS} } points { at value } } } }`;

let plane: TestControlPlane;
let foreign: Awaited<ReturnType<TestControlPlane['newOrganisation']>>;
let events: UsageEvent[];
let serverId: string;

beforeAll(async () => {
  plane = await startTestControlPlane();
  foreign = await plane.newOrganisation('other');
  serverId = (await plane.admin.createServer({ name: 'Tools', slug: 'tools', transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/' })).id;
  events = Array.from({ length: EVENTS }, (_, index) => eventOf(index));
  for (const event of events) plane.usageQueue.append(writeUsageEvent(event));
  plane.usageQueue.append(writeUsageEvent({ ...eventOf(1), requestId: 'req_foreign', organisationId: foreign.organisationId, tool: 'theirs' }));
  await eventually(() => (plane.usageQueue.size === 0 ? true : undefined), 'every event being stored');
});
afterAll(() => plane?.close());

function eventOf(index: number): UsageEvent {
  const decision = index % 7 === 0 ? 'DENIED' : index % 11 === 0 ? 'ERRORED' : 'ALLOWED';
  return usageEvent({
    organisationId: plane.organisationId,
    timeMillis: START + index * STEP_MILLIS,
    serverId: index % 3 === 0 ? null : serverId,
    tool: ['echo', 'search', 'delete', null][index % 4] ?? null,
    clientName: ['claude-code', 'cursor', null][index % 3] ?? null,
    apiKeyId: `key_${index % 5}`,
    rpcMethod: index % 2 === 0 ? 'tools/call' : 'tools/list',
    decision,
    code: decision === 'ALLOWED' ? null : 'mcp_guardrail_block',
    costNanosUsd: String(10n ** 20n + BigInt(index)),
    inputBytes: index,
    latencyMicros: (index * 7919) % 900_000,
  });
}

async function analyse(variables: Record<string, unknown>) {
  return analyticsSchema.parse(await plane.admin.query(ANALYTICS, { metrics: ['CALLS'], top: 10, ...variables })).usageAnalytics;
}

function sumsOf(some: readonly UsageEvent[]) {
  return {
    calls: String(some.length),
    denied: String(some.filter(({ decision }) => decision === 'DENIED').length),
    errors: String(some.filter(({ decision }) => decision === 'ERRORED').length),
    inputBytes: String(some.reduce((sum, { inputBytes }) => sum + inputBytes, 0)),
    cost: { nanosUsd: String(some.reduce((sum, { costNanosUsd }) => sum + BigInt(costNanosUsd), 0n)) },
  };
}

const between = (from: number, to: number) => events.filter(({ timeMillis }) => timeMillis >= from && timeMillis < to);
const rangeOf = (from: number, to: number) => ({ gte: new Date(from).toISOString(), lt: new Date(to).toISOString() });

describe('totals', () => {
  const ranges: [string, number, number][] = [
    ['whole days', START, START + 30 * DAY_MILLIS],
    ['minutes, hours, days, hours and minutes', START + 7_654_321, START + 20 * DAY_MILLIS + 7_123_456],
    ['hours and minutes', START + 100, START + 5 * HOUR_MILLIS + 100],
    ['less than an hour', START + 50 * 60_000, START + 100 * 60_000],
    ['both sides of an hour, neither whole', START + 1, START + 2 * HOUR_MILLIS - 1],
    ['nothing', START - 9 * DAY_MILLIS, START - DAY_MILLIS],
  ];

  test.each(ranges)('over %s are those of the records, by sums and by records', async (_name, from, to) => {
    const range = rangeOf(from, to);
    const expected = sumsOf(between(from, to));
    expect((await analyse({ filter: { range } })).totals).toEqual(expected);
    expect((await analyse({ filter: { range, status: [200] } })).totals).toEqual(expected);
  });

  test.each(['HOUR', 'DAY', 'WEEK', 'MONTH'])('are the sum of the points of each %s', async (granularity) => {
    const [from, to] = [START + 7_654_321, START + 33 * DAY_MILLIS + 7_123_456];
    const { totals, series } = await analyse({ filter: { range: rangeOf(from, to) }, metrics: ['CALLS', 'COST'], granularity });
    const sums = series.map(({ points }) => String(points.reduce((sum, { value }) => sum + BigInt(value ?? 0), 0n)));
    expect(sums).toEqual([totals.calls, totals.cost.nanosUsd]);
    expect(totals).toEqual(sumsOf(between(from, to)));
  });
});

test('every bucket of the range is there, the empty ones too, and the first begins before the range', async () => {
  const { series, granularity } = await analyse({ filter: { range: rangeOf(START - DAY_MILLIS + 1, START + DAY_MILLIS) } });
  expect(granularity).toBe('HOUR');
  const points = series[0]?.points ?? [];
  expect(points.map(({ at }) => Date.parse(at))).toEqual(Array.from({ length: 48 }, (_, hour) => START - DAY_MILLIS + hour * HOUR_MILLIS));
  expect(points.slice(0, 24).every(({ value }) => value === '0')).toBe(true);
  expect(points[24]?.value).toBe('1');
});

test.each([
  [HOUR_MILLIS, 'MINUTE'],
  [6 * HOUR_MILLIS, 'FIVE_MINUTES'],
  [7 * DAY_MILLIS, 'HOUR'],
  [90 * DAY_MILLIS, 'DAY'],
  [365 * DAY_MILLIS, 'WEEK'],
  [1000 * DAY_MILLIS, 'MONTH'],
])('a range of %d ms is shown by the %s', async (millis, granularity) => {
  expect((await analyse({ filter: { range: rangeOf(START, START + millis) } })).granularity).toBe(granularity);
});

test('weeks begin on Monday, months on the first', async () => {
  const range = rangeOf(START, START + 40 * DAY_MILLIS);
  const firstOf = async (granularity: string) => (await analyse({ filter: { range }, granularity })).series[0]?.points[0]?.at;
  expect(await firstOf('WEEK')).toBe('2026-09-28T00:00:00.000Z');
  expect(await firstOf('MONTH')).toBe('2026-10-01T00:00:00.000Z');
});

describe('groups', () => {
  const all = { range: rangeOf(START, START + 60 * DAY_MILLIS) };

  test('have a series each, with the most first, and what people call them', async () => {
    const { series, truncated } = await analyse({ filter: all, groupBy: 'SERVER' });
    expect(series.map(({ key, label, totals }) => [key, label, totals])).toEqual([
      [serverId, 'tools', sumsOf(events.filter((event) => event.serverId === serverId))],
      ['', 'none', sumsOf(events.filter((event) => event.serverId === null))],
    ]);
    expect(truncated).toBe(false);
  });

  test('beyond the top are left out, and the totals are of all', async () => {
    const { series, truncated, totals } = await analyse({ filter: all, groupBy: 'API_KEY', metrics: ['COST'], top: 2 });
    expect(series).toHaveLength(2);
    expect(truncated).toBe(true);
    expect(totals).toEqual(sumsOf(events));
  });

  test('keys are counted once, however often they call', async () => {
    const { series } = await analyse({ filter: all, metrics: ['UNIQUE_KEYS'], granularity: 'MONTH' });
    expect(series[0]?.points.map(({ value }) => value)).toEqual(['5', '5']);
  });

  test.each(['tools/call', 'tools/list'])('are narrowed by what only records know: %s', async (rpcMethod) => {
    const range = rangeOf(START, START + 30 * DAY_MILLIS);
    const { totals } = await analyse({ filter: { range, rpcMethod: [rpcMethod] }, groupBy: 'TOOL' });
    expect(totals).toEqual(sumsOf(between(START, START + 30 * DAY_MILLIS).filter((event) => event.rpcMethod === rpcMethod)));
  });
});

test.each([
  ['LATENCY_P50', 50],
  ['LATENCY_P95', 95],
  ['LATENCY_P99', 99],
])('%s is in the bucket of the true one', async (metric, percent) => {
  const { series } = await analyse({ filter: { range: rangeOf(START, START + DAY_MILLIS) }, metrics: [metric], granularity: 'DAY' });
  const sorted = between(START, START + DAY_MILLIS)
    .map(({ latencyMicros }) => latencyMicros)
    .toSorted((left, right) => left - right);
  const bucket = latencyBucketOf(sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? 0);
  const told = Number(series[0]?.points[0]?.value) * 1000;
  // Told in whole milliseconds.
  expect(told).toBeGreaterThanOrEqual((LATENCY_BOUNDS[bucket - 1] ?? 0) - 500);
  expect(told).toBeLessThanOrEqual((LATENCY_BOUNDS[bucket] ?? Infinity) + 500);
});

test('without calls there is no latency', async () => {
  const { series } = await analyse({ filter: { range: rangeOf(START - DAY_MILLIS, START) }, metrics: ['LATENCY_P95'], granularity: 'DAY' });
  expect(series[0]?.points).toEqual([{ at: new Date(START - DAY_MILLIS).toISOString(), value: null }]);
});

test.each([
  ['a range that ends before it begins', { filter: { range: rangeOf(START, START - 1) } }],
  ['more than ten years', { filter: { range: rangeOf(0, START) } }],
  ['too many buckets', { filter: { range: rangeOf(START, START + 90 * DAY_MILLIS) }, granularity: 'HOUR' }],
  ['too many points', { filter: { range: rangeOf(START, START + 60 * DAY_MILLIS) }, granularity: 'HOUR', groupBy: 'TOOL', top: 50 }],
  ['records of more than 31 days', { filter: { range: rangeOf(START, START + 32 * DAY_MILLIS), status: [200] } }],
  ['no metric', { filter: { range: {} }, metrics: [] }],
  ['more groups than fifty', { filter: { range: {} }, groupBy: 'TOOL', top: 51 }],
])('%s is refused', async (_name, variables) => {
  const answer = await plane.ask(ANALYTICS, { metrics: ['CALLS'], top: 10, ...variables });
  expect(answer.errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
});

const facetsSchema = z.object({
  usageFacets: z.array(z.object({ field: z.string(), values: z.array(z.object({ value: z.string(), label: z.string(), count: z.string() })) })),
});

test('facets count each value of each field, and a field’s own filter does not narrow it', async () => {
  const filter = { range: rangeOf(START + 1, START + 60 * DAY_MILLIS), tool: ['echo'] };
  const answer = await plane.admin.query(
    `query($filter: UsageFilter!) { usageFacets(filter: $filter, fields: [DECISION, TOOL, AGENT, CLIENT, DENIAL_CODE]) { field values { value label count } } }`,
    { filter },
  );
  const facets = new Map(facetsSchema.parse(answer).usageFacets.map(({ field, values }) => [field, values]));
  const counted = events.filter(({ timeMillis }) => timeMillis > START);
  const count = (is: (event: UsageEvent) => boolean) => String(counted.filter(is).length);
  expect([...facets.keys()]).toEqual(['DECISION', 'TOOL', 'AGENT', 'CLIENT', 'DENIAL_CODE']);
  expect(facets.get('TOOL')).toContainEqual({ value: 'search', label: 'search', count: count(({ tool }) => tool === 'search') });
  expect(facets.get('TOOL')).toHaveLength(4);
  expect(facets.get('AGENT')).toEqual(facets.get('CLIENT'));
  expect(facets.get('CLIENT')).toContainEqual({
    value: 'cursor',
    label: 'cursor',
    count: count(({ clientName, tool }) => clientName === 'cursor' && tool === 'echo'),
  });
  expect(
    facets
      .get('DENIAL_CODE')
      ?.map(({ value }) => value)
      .toSorted(),
  ).toEqual(['', 'MCP_GUARDRAIL_BLOCK']);
});

const graphSchema = z.object({
  workflowGraph: z.object({
    truncated: z.boolean(),
    nodes: z.array(z.object({ id: z.string(), kind: z.string(), label: z.string(), calls: z.string() })),
    edges: z.array(z.object({ source: z.string(), target: z.string(), calls: z.string(), latencyP95Ms: z.number().nullable() })),
  }),
});
const GRAPH = `query($filter: UsageFilter!, $maxEdges: Int) { workflowGraph(filter: $filter, maxEdges: $maxEdges) {
  truncated nodes { id kind label calls } edges { source target calls latencyP95Ms } } }`;

test('the graph joins client, server and tool; a tool of one name on two servers is two', async () => {
  const filter = { range: rangeOf(START, START + 60 * DAY_MILLIS) };
  const { nodes, edges, truncated } = graphSchema.parse(await plane.admin.query(GRAPH, { filter, maxEdges: 100 })).workflowGraph;
  expect(truncated).toBe(false);
  const known = new Set(nodes.map(({ id }) => id));
  expect(edges.every(({ source, target }) => known.has(source) && known.has(target))).toBe(true);
  expect(nodes.filter(({ kind, label }) => kind === 'TOOL' && label === 'echo')).toHaveLength(2);
  expect(nodes).toContainEqual({
    id: `SERVER:${serverId}`,
    kind: 'SERVER',
    label: 'tools',
    calls: String(events.filter((event) => event.serverId === serverId).length),
  });
  const edge = edges.find(({ source, target }) => source === 'AGENT:cursor' && target === `SERVER:${serverId}`);
  expect(edge).toMatchObject({ calls: String(events.filter((event) => event.clientName === 'cursor' && event.serverId === serverId).length) });
  expect(edge?.latencyP95Ms).toBeGreaterThan(0);
});

test('the busiest edges are kept, with the nodes that they join', async () => {
  const filter = { range: rangeOf(START, START + 60 * DAY_MILLIS) };
  const { nodes, edges, truncated } = graphSchema.parse(await plane.admin.query(GRAPH, { filter, maxEdges: 1 })).workflowGraph;
  expect([edges.length, nodes.length, truncated]).toEqual([1, 2, true]);
});

test('servers and keys tell what they were used for, each on its own', async () => {
  const unused = await plane.admin.createServer({ name: 'Unused', slug: 'unused', transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/' });
  const key = await plane.admin.createApiKey();
  const event = usageEvent({ organisationId: plane.organisationId, timeMillis: START - 50 * DAY_MILLIS, apiKeyId: key.id, latencyMicros: 5000 });
  plane.usageQueue.append(writeUsageEvent(event));
  await eventually(() => (plane.usageQueue.size === 0 ? true : undefined), 'the event being stored');
  const answer = await plane.admin.query(
    `query($range: DateTimeRange!, $before: DateTimeRange!) {
      servers { nodes { id usage(range: $range) { ${TOTALS} } before: usage(range: $before) { calls } } }
      apiKeys { nodes { id usage(range: $before) { calls latencyP99Ms } } } }`,
    { range: rangeOf(START, START + 60 * DAY_MILLIS), before: rangeOf(START - 60 * DAY_MILLIS, START) },
  );
  expect(answer).toEqual({
    servers: {
      nodes: [
        { id: serverId, usage: sumsOf(events.filter((one) => one.serverId === serverId)), before: { calls: '0' } },
        { id: unused.id, usage: sumsOf([]), before: { calls: '0' } },
      ],
    },
    apiKeys: { nodes: [{ id: key.id, usage: { calls: '1', latencyP99Ms: expect.closeTo(5, -1) } }] },
  });
});

test('another organisation sees its own usage in every view, and nothing of ours', async () => {
  const filter = { range: rangeOf(START, START + 60 * DAY_MILLIS) };
  const { totals, series } = analyticsSchema.parse(await foreign.admin.query(ANALYTICS, { filter, metrics: ['CALLS'], groupBy: 'SERVER' })).usageAnalytics;
  // Its event names a server of ours, whose slug it must not be told.
  expect([totals.calls, series.map(({ label }) => label)]).toEqual(['1', [serverId]]);
  expect(graphSchema.parse(await foreign.admin.query(GRAPH, { filter })).workflowGraph.nodes.map(({ calls }) => calls)).toEqual(['1', '1', '1']);
  const facets = await foreign.admin.query(
    `query($filter: UsageFilter!) { usageFacets(filter: $filter, fields: [TOOL]) { field values { value label count } } }`,
    {
      filter,
    },
  );
  expect(facetsSchema.parse(facets).usageFacets).toEqual([{ field: 'TOOL', values: [{ value: 'theirs', label: 'theirs', count: '1' }] }]);
});

test('a token without USAGE_READ gets none of it', async () => {
  const { token } = await plane.newAdminToken({ permissions: ['SERVER_UPDATE'] });
  for (const query of [
    'usageAnalytics(filter: {range: {}}, metrics: [CALLS]) { truncated }',
    'usageFacets(filter: {range: {}}, fields: [TOOL]) { field }',
    'workflowGraph(filter: {range: {}}) { truncated }',
    'servers { nodes { usage(range: {}) { calls } } }',
  ]) {
    const answer = await plane.ask(`{ ${query} }`, {}, token);
    expect(answer.errors).toMatchObject([{ extensions: { code: 'FORBIDDEN', permission: 'USAGE_READ' } }]);
  }
});

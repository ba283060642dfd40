/** Measures how long people wait for usage: lists, analytics, the graph and facets over millions of records of a month. */
import { z } from 'zod';
import { openOrm } from '../../control-plane/database/orm.ts';
import { startTestControlPlane, type TestControlPlane } from '../support/control-plane.ts';
import { recordingLog } from '../support/recording-log.ts';
import { postgresCpuMicros } from './postgres-cpu.ts';
import { fillUsage, KEY_OF_FEW_CALLS } from './many-records.ts';

const RECORDS = Number(process.argv[2] ?? 10_000_000);
const ROUNDS = Number(process.argv[3] ?? 20);
const HOUR_MILLIS = 3_600_000;
const DAY_MILLIS = 24 * HOUR_MILLIS;

/** What 95 of 100 answers must not exceed, and should not. */
const GOAL = { mustMillis: 300, aimMillis: 100 };

const LIST =
  'query($filter: UsageFilter!, $after: String) { usageRecords(first: 100, after: $after, filter: $filter) { nodes { requestId status mcp { tool } } pageInfo { endCursor } } }';
const TOTALS = 'totals { calls denied errors cost { usd } latencyP95Ms }';
const SERIES = `query($filter: UsageFilter!, $groupBy: UsageGroupBy) {
  usageAnalytics(filter: $filter, metrics: [CALLS, COST], groupBy: $groupBy) { granularity ${TOTALS} series { label points { at value } } } }`;
const WAITING =
  'query($filter: UsageFilter!) { usageAnalytics(filter: $filter, metrics: [LATENCY_P95], groupBy: TOOL) { series { label points { at value } } } }';
const GRAPH = 'query($filter: UsageFilter!) { workflowGraph(filter: $filter) { nodes { label calls } edges { source target calls } } }';
const FACETS = `query($filter: UsageFilter!) {
  usageFacets(filter: $filter, fields: [SERVER, TOOL, CLIENT, API_KEY, TEAM, DECISION, DENIAL_CODE]) { field values { value count } } }`;

const plane = await startTestControlPlane();
try {
  await prepare(plane);
  print(`goal: p95 at most ${GOAL.mustMillis} ms, aim ${GOAL.aimMillis} ms`);
  for (const [name, query, variables] of questions(Date.now(), await deepCursor(plane))) print(`${name.padEnd(48)} ${await measure(plane, query, variables)}`);
} finally {
  await plane.close();
}

async function prepare({ database, organisationId }: TestControlPlane): Promise<void> {
  const from = performance.now();
  const orm = await openOrm(database.url, recordingLog().log);
  await fillUsage(orm.em, database, organisationId, RECORDS);
  await orm.close(true);
  await database.query('vacuum analyze');
  const [row] = await database.query(
    `select (select count(*) from usage_hours) as hours, (select count(*) from usage_hour_slices) as slices, pg_size_pretty(pg_database_size(current_database())) as size`,
  );
  print(
    `${RECORDS} records in ${Math.round((performance.now() - from) / 1000)} s: ${String(row?.['hours'])} sums per hour, ${String(row?.['slices'])} of few dimensions, ${String(row?.['size'])}`,
  );
}

/** Behind half of all records. */
async function deepCursor({ admin }: Pick<TestControlPlane, 'admin'>): Promise<string> {
  const filter = { range: { lt: new Date(Date.now() - 15 * DAY_MILLIS).toISOString() } };
  const answer = await admin.query(LIST, { filter });
  return z.object({ usageRecords: z.object({ pageInfo: z.object({ endCursor: z.string() }) }) }).parse(answer).usageRecords.pageInfo.endCursor;
}

type Question = readonly [string, string, Record<string, unknown>];

/** Ranges end now, as a person's do, so that neither end is a whole hour. */
function questions(now: number, after: string): Question[] {
  const last = (millis: number) => ({ range: { gte: new Date(now - millis).toISOString(), lt: new Date(now).toISOString() } });
  const month = last(30 * DAY_MILLIS);
  return [
    ['list, newest of all', LIST, { filter: { range: {} } }],
    ['list, behind half of all', LIST, { filter: { range: {} }, after }],
    ['list, behind half of all, denied', LIST, { filter: { range: {}, decision: ['DENIED'] }, after }],
    ['list, 30 days, one server', LIST, { filter: { ...month, serverId: ['srv_7'] } }],
    ['list, 30 days, a tool', LIST, { filter: { ...month, tool: ['tool_3'] } }],
    ['list, 30 days, denied', LIST, { filter: { ...month, decision: ['DENIED'] } }],
    ['list, 30 days, a key of few calls', LIST, { filter: { ...month, apiKeyId: [KEY_OF_FEW_CALLS] } }],
    ['list, 30 days, a key without calls', LIST, { filter: { ...month, apiKeyId: ['key_none'] } }],
    ['list, 30 days, a trace that nobody had', LIST, { filter: { ...month, traceId: ['4bf92f3577b34da6a3ce929d0e0e4736'] } }],
    ['analytics, 1 hour by minute', SERIES, { filter: last(HOUR_MILLIS) }],
    ['analytics, 24 hours by hour, by server', SERIES, { filter: last(DAY_MILLIS), groupBy: 'SERVER' }],
    ['analytics, 24 hours by hour, by team', SERIES, { filter: last(DAY_MILLIS), groupBy: 'TEAM' }],
    ['analytics, 7 days by hour, all', SERIES, { filter: last(7 * DAY_MILLIS) }],
    ['analytics, 7 days by hour, by agent', SERIES, { filter: last(7 * DAY_MILLIS), groupBy: 'AGENT' }],
    ['analytics, 7 days by hour, by key', SERIES, { filter: last(7 * DAY_MILLIS), groupBy: 'API_KEY' }],
    ['analytics, 7 days by hour, by tool', SERIES, { filter: last(7 * DAY_MILLIS), groupBy: 'TOOL' }],
    ['analytics, 7 days by hour, p95 by tool', WAITING, { filter: last(7 * DAY_MILLIS) }],
    ['analytics, 30 days by day, by tool', SERIES, { filter: month, groupBy: 'TOOL' }],
    ['analytics, 30 days by day, by server', SERIES, { filter: month, groupBy: 'SERVER' }],
    ['analytics, 30 days by day, one server by key', SERIES, { filter: { ...month, serverId: ['srv_7'] }, groupBy: 'API_KEY' }],
    ['graph, 24 hours', GRAPH, { filter: last(DAY_MILLIS) }],
    ['graph, 30 days', GRAPH, { filter: month }],
    ['facets, 24 hours', FACETS, { filter: last(DAY_MILLIS) }],
    ['facets, 30 days', FACETS, { filter: month }],
    ['facets, 30 days, one server', FACETS, { filter: { ...month, serverId: ['srv_7'] } }],
  ];
}

async function measure({ ask, database }: TestControlPlane, query: string, variables: Record<string, unknown>): Promise<string> {
  const millis: number[] = [];
  const [cpu, postgres] = [process.cpuUsage(), await postgresCpuMicros(database)];
  for (let round = 0; round < ROUNDS; round++) {
    const from = performance.now();
    const { errors } = await ask(query, variables);
    if (errors !== undefined) throw new Error(JSON.stringify(errors));
    millis.push(performance.now() - from);
  }
  const sorted = millis.toSorted((left, right) => left - right);
  const at = (share: number) => Math.round(sorted[Math.ceil(sorted.length * share) - 1] ?? 0);
  const { user, system } = process.cpuUsage(cpu);
  const cpuMillis = [user + system, (await postgresCpuMicros(database)) - postgres].map((micros) => Math.round(micros / 1000 / ROUNDS));
  const verdict = at(0.95) <= GOAL.aimMillis ? 'aim' : at(0.95) <= GOAL.mustMillis ? 'met' : 'MISSED';
  return `p50 ${at(0.5)} ms  p95 ${at(0.95)} ms (${verdict})  most ${at(1)} ms  CPU: control plane ${cpuMillis[0]} ms, PostgreSQL ${cpuMillis[1]} ms`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

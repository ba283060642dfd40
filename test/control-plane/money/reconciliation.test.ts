/** Counters, records and sums are compared while calls go on: what agrees is never called a difference, and what was changed is told to the nano. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { countsKeyOf, readPackedWindow } from '../../../shared/window-counts.ts';
import { GatewayClient, toolCall } from '../../support/gateway-client.ts';
import { newLimit } from '../../support/limits.ts';
import { startMcpUpstream, type McpUpstream } from '../../support/mcp-upstream.ts';
import { startTestPostgres, type TestDatabase } from '../../support/postgres.ts';
import { eventually } from '../../support/processes.ts';
import { hasRedis, startTestRedis, withRedis, type TestRedis } from '../../support/redis.ts';
import { startStack, type Stack } from '../../support/stack.ts';

const CALLERS = 8;
const PRICING = { usdPerMillionCalls: '2.00', usdPerMillionInputBytes: '0.50', usdPerMillionOutputBytes: '1.00' };
const sumSchema = z.object({ calls: z.string(), cost: z.object({ nanosUsd: z.string() }) });
const shownSchema = z.array(
  z.object({
    limit: z.object({ id: z.string() }),
    checkedAt: z.string(),
    counted: z.string(),
    recorded: z.string(),
    notCounted: z.string(),
    reserved: z.string(),
    underWay: z.string(),
    rolledUp: z.object({ records: sumSchema, hours: sumSchema, days: sumSchema }),
    unexplainedNanos: z.string(),
    isExplained: z.boolean(),
  }),
);
type Shown = z.infer<typeof shownSchema>[number];
interface Priced {
  readonly slug: string;
  readonly key: string;
  readonly serverId: string;
}

const SUM = '{ calls cost { nanosUsd } }';
const QUERY = `{ reconciliation { limit { id } checkedAt counted recorded notCounted reserved underWay rolledUp { records ${SUM} hours ${SUM} days ${SUM} } unexplainedNanos isExplained } }`;

describe.runIf(hasRedis)('a reconciliation', { timeout: 120_000 }, () => {
  let database: TestDatabase;
  let redis: TestRedis;
  let upstream: McpUpstream;
  let stack: Stack;
  let slugs = 0;

  beforeAll(async () => {
    [database, redis, upstream] = await Promise.all([startTestPostgres(), startTestRedis(), startMcpUpstream()]);
    stack = await startStack({ databaseUrl: database.url, redisUrl: redis.url, environment: { RECONCILIATION_SECONDS: '1' } });
  }, 120_000);
  afterAll(async () => {
    await stack?.close();
    await Promise.all([upstream?.close(), redis?.stop(), database?.stop()]);
  });

  async function priced(): Promise<Priced> {
    const slug = `compared-${++slugs}`;
    const server = await stack.admin.createServer({ name: slug, slug, transport: 'STREAMABLE_HTTP', endpointUrl: upstream.url, pricing: PRICING });
    const apiKey = await stack.admin.createApiKey();
    await stack.admin.grant(apiKey.id, server.id);
    await stack.settled();
    return { slug, key: apiKey.secret, serverId: server.id };
  }

  const shownOf = async (limitId: string) => shownSchema.parse((await stack.admin.query(QUERY))['reconciliation']).filter(({ limit }) => limit.id === limitId);
  /** The limit's newest window, once it is as it should be. */
  const shown = (limitId: string, what: string, is: (shown: Shown) => boolean) => eventually(async () => (await shownOf(limitId)).slice(0, 1).find(is), what);

  const metrics = async () => (await fetch(stack.graphqlUrl.replace('/graphql', '/metrics'))).text();

  /** Calls all the time while that goes on. */
  async function calling<Answer>({ slug, key }: Priced, meanwhile: () => Promise<Answer>): Promise<Answer> {
    const gateway = new GatewayClient(stack.gatewayUrl);
    const ending = new AbortController();
    const caller = async () => {
      while (!ending.signal.aborted) expect((await gateway.send(slug, { key, body: toolCall('echo', { message: 'x' }) })).status).toBe(200);
    };
    const callers = Array.from({ length: CALLERS }, caller);
    const answer = await meanwhile().finally(() => ending.abort());
    await Promise.all(callers);
    return answer;
  }

  /** A server with a budget of its own, that calls were made under, with everything settled and compared. */
  async function spent(): Promise<{ limitId: string; server: Priced; settled: Shown }> {
    const server = await priced();
    const limitId = await newLimit(stack.admin, 'Budget', { ownerType: 'MCP_SERVER', ownerId: server.serverId, limitUsd: '1000' });
    await stack.settled();
    const gateway = new GatewayClient(stack.gatewayUrl);
    for (let calls = 0; calls < 10; calls++) await gateway.send(server.slug, { key: server.key, body: toolCall('echo', { message: 'x' }) });
    const settled = await shown(limitId, 'ten calls being compared', ({ rolledUp, reserved }) => rolledUp.records.calls === '10' && reserved === '0');
    expect(settled).toMatchObject({ counted: settled.recorded, notCounted: '0', unexplainedNanos: '0', isExplained: true });
    return { limitId, server, settled };
  }

  test('finds nothing while calls are made, also under limits that are made meanwhile', async () => {
    const server = await priced();
    const owner = { ownerType: 'MCP_SERVER', ownerId: server.serverId };
    const budget = await newLimit(stack.admin, 'Budget', { ...owner, limitUsd: '1000' });
    const quota = await newLimit(stack.admin, 'Quota', { ...owner, metric: 'TOOL_CALLS', limit: '1000000' });
    await stack.settled();
    const looks = await calling(server, async () => {
      await shown(budget, 'the first comparison', ({ recorded }) => recorded !== '0');
      const later = await newLimit(stack.admin, 'Budget', { ...owner, limitUsd: '1000' });
      const seen = new Map<string, Shown>();
      await eventually(async () => {
        for (const limitId of [budget, quota, later]) for (const look of await shownOf(limitId)) seen.set(`${limitId} ${look.checkedAt}`, look);
        return seen.size >= 15 ? true : undefined;
      }, 'five comparisons of three limits');
      return [...seen.values()];
    });
    for (const look of looks) expect(look).toMatchObject({ unexplainedNanos: '0', isExplained: true });
    expect(looks.some(({ underWay }) => underWay !== '0')).toBe(true);
    const last = await shown(quota, 'every call being settled', ({ reserved, counted, recorded }) => reserved === '0' && counted === recorded);
    expect(last).toMatchObject({ underWay: '0', isExplained: true });
    expect(stack.control().output()).not.toContain('nothing explains');
  });

  /** The log is written after the finding is stored. */
  const told = (text: string) => eventually(() => (stack.control().output().includes(text) ? true : undefined), `the log saying ${text}`);

  test('tells by how much a counter was changed, and when it agrees again', async () => {
    const { limitId, settled } = await spent();
    const organisationId = String((await database.query('select organisation_id from limits where id = $1', [limitId]))[0]?.['organisation_id']);
    const change = (nanos: bigint) =>
      withRedis(redis.url, async (client) => {
        const keys = await client.hkeys(countsKeyOf(organisationId));
        const key = keys.find((name) => name.startsWith(limitId)) ?? '';
        const packed = await client.hgetBuffer(countsKeyOf(organisationId), key);
        if (packed === null) throw new Error('the window is not counted');
        packed.writeBigInt64LE(BigInt(readPackedWindow(packed).used) + nanos, 8);
        await client.hset(countsKeyOf(organisationId), key, packed);
      });
    await change(-12_345n);
    const changed = await shown(limitId, 'the change being seen', ({ isExplained }) => !isExplained);
    expect(changed).toMatchObject({ counted: String(BigInt(settled.counted) - 12_345n), recorded: settled.recorded, unexplainedNanos: '12345' });
    await told('"used":"-12345"');
    expect(await metrics()).toContain('\nturnpike_ledger_unexplained_nanousd 12345\n');
    await change(12_345n);
    expect(await shown(limitId, 'all being as it was', ({ isExplained }) => isExplained)).toMatchObject({ unexplainedNanos: '0' });
    await told('agree again');
  });

  test('finds nothing after Redis was emptied and its windows were counted again', async () => {
    const { limitId, server } = await spent();
    await withRedis(redis.url, (client) => client.flushall());
    const gateway = new GatewayClient(stack.gatewayUrl);
    expect((await gateway.send(server.slug, { key: server.key, body: toolCall('echo', { message: 'x' }) })).status).toBe(200);
    const again = await shown(limitId, 'the call being compared', ({ rolledUp, reserved }) => rolledUp.records.calls === '11' && reserved === '0');
    expect(again).toMatchObject({ counted: again.recorded, notCounted: '0', isExplained: true });
  });

  test('tells what a record cost that was deleted', async () => {
    const { limitId, server, settled } = await spent();
    const [row] = await database.query(
      `with gone as (delete from mcp_usage_records where request_id = (select max(request_id) from mcp_usage_records where server_id = $1) returning request_id)
       delete from usage_records where request_id in (select request_id from gone) returning cost_nanos_usd::text as cost`,
      [server.serverId],
    );
    const cost = String(row?.['cost']);
    const looked = await shown(limitId, 'the loss being seen', ({ isExplained }) => !isExplained);
    expect(looked).toMatchObject({ counted: settled.counted, recorded: String(BigInt(settled.recorded) - BigInt(cost)), unexplainedNanos: cost });
    expect(looked.rolledUp).toMatchObject({ records: { calls: '9' }, hours: { calls: '10' }, days: { calls: '10' } });
  });

  test.each(['hour', 'day'] as const)('tells by how much the sum of a %s was changed, in money or in calls', async (unit) => {
    const { limitId, server } = await spent();
    await database.query(`update usage_${unit}s set cost_nanos_usd = cost_nanos_usd + 777 where server_id = $1`, [server.serverId]);
    expect(await shown(limitId, 'the cost being seen', ({ isExplained }) => !isExplained)).toMatchObject({ unexplainedNanos: '777' });
    await database.query(`update usage_${unit}s set cost_nanos_usd = cost_nanos_usd - 777, calls = calls + 1 where server_id = $1`, [server.serverId]);
    expect(await shown(limitId, 'the calls being seen', ({ unexplainedNanos }) => unexplainedNanos === '0')).toMatchObject({ isExplained: false });
  });
});

/** What becomes of budgets when Redis loses what was counted, in the middle of calls: they are counted again from the records, to the nano. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GatewayClient, listTools, toolCall } from '../support/gateway-client.ts';
import { newLimit, windowsOf } from '../support/limits.ts';
import { startMcpUpstream, type McpUpstream } from '../support/mcp-upstream.ts';
import { startTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { eventually } from '../support/processes.ts';
import { hasRedis, startTestRedis, withRedis, type TestRedis } from '../support/redis.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { startTcpRelay, type TcpRelay } from '../support/tcp-relay.ts';

const CALLERS = 8;
const LIMIT_NANOS = 3_000_000;
const NANOS_PER_CALL = 2000;
/** But for the time that calls take, which is another for each of them. */
const METRICS = ['REQUESTS', 'TOOL_CALLS', 'ERRORS', 'INPUT_BYTES', 'OUTPUT_BYTES'];
const HANDSHAKE = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

describe.runIf(hasRedis)('a Redis', () => {
  let database: TestDatabase;
  let redis: TestRedis;
  let replica: TestRedis;
  let relay: TcpRelay;
  let upstream: McpUpstream;
  let stack: Stack;
  let slugs = 0;

  beforeAll(async () => {
    [database, redis, replica, upstream] = await Promise.all([startTestPostgres(), startTestRedis(), startTestRedis(), startMcpUpstream()]);
    relay = await startTcpRelay(redis.url);
    stack = await startStack({ databaseUrl: database.url, redisUrl: relay.url.replace('http:', 'redis:') });
  }, 120_000);
  afterAll(async () => {
    await stack?.close();
    await relay?.close();
    await Promise.all([upstream?.close(), redis?.stop(), replica?.stop(), database?.stop()]);
  });

  /** A key that may spend so much on a server of its own. */
  async function budgeted(): Promise<{ slug: string; key: string; serverId: string }> {
    const slug = `forgotten-${++slugs}`;
    const pricing = { usdPerMillionCalls: '2.00' };
    const server = await stack.admin.createServer({ name: slug, slug, transport: 'STREAMABLE_HTTP', endpointUrl: upstream.url, pricing });
    const apiKey = await stack.admin.createApiKey();
    await stack.admin.grant(apiKey.id, server.id);
    await newLimit(stack.admin, 'Budget', { ownerType: 'MCP_SERVER', ownerId: server.id, limitUsd: String(LIMIT_NANOS / 1e9) });
    await stack.settled();
    return { slug, key: apiKey.secret, serverId: server.id };
  }

  const sumOf = async (serverId: string) => {
    const [row] = await database.query(
      'select coalesce(sum(u.cost_nanos_usd), 0)::text as cost from usage_records u join mcp_usage_records m using (request_id) where m.server_id = $1',
      [serverId],
    );
    return row?.['cost'];
  };
  const lastWindow = async () => (await windowsOf(stack.admin, 'budgets')).at(-1);
  /** Used as the counters say and as the records say, once nothing is under way any more. */
  const agreed = (serverId: string) =>
    eventually(async () => {
      const window = await lastWindow();
      const sum = await sumOf(serverId);
      if (window?.reserved === '0' && window.used === sum) return window;
      throw new Error(`used ${window?.used}, reserved ${window?.reserved}, in records ${String(sum)}`);
    }, 'counters and records saying the same');

  const copy = async () => {
    const { port } = new URL(redis.url);
    await withRedis(replica.url, (client) => client.replicaof('127.0.0.1', port));
    const isThere = async () => (await withRedis(replica.url, (client) => client.info('replication'))).includes('master_link_status:up');
    await eventually(async () => ((await isThere()) ? true : undefined), 'the copy being complete');
  };
  const failOver = async () => {
    await withRedis(replica.url, (client) => client.replicaof('NO', 'ONE'));
    const before = (await lastWindow())?.used;
    await eventually(async () => ((await lastWindow())?.used !== before ? true : undefined), 'calls that the copy does not know of');
    relay.lead(replica.url);
  };
  const nothing = () => Promise.resolve();

  test.each([
    ['is emptied', nothing, () => withRedis(redis.url, (client) => client.flushall())],
    ['crashes and comes back with nothing', nothing, () => redis.loseEverything()],
    ['crashes and comes back with what it wrote', nothing, () => redis.halt().then(() => redis.resume())],
    ['fails over to a copy that was behind', copy, failOver],
  ] as const)(
    'that %s while calls are made: used is the sum of the records again, and never more than the limit',
    async (_name, prepare, lose) => {
      const { slug, key, serverId } = await budgeted();
      await prepare();
      const gateway = new GatewayClient(stack.gatewayUrl);
      const statuses: number[] = [];
      const admitted = () => statuses.filter((status) => status === 200).length;
      /** Calls all the time while that goes on. */
      const calling = async (meanwhile: () => Promise<unknown>) => {
        const ending = new AbortController();
        const caller = async () => {
          while (!ending.signal.aborted) statuses.push((await gateway.send(slug, { key, body: toolCall('echo', { message: 'x' }) })).status);
        };
        const callers = Array.from({ length: CALLERS }, caller);
        await meanwhile().finally(() => ending.abort());
        await Promise.all(callers);
      };
      const until = (count: number) => eventually(() => (admitted() > count ? true : undefined), `more than ${count} calls`);
      await calling(async () => {
        await until(100);
        await lose();
        await until(Math.min(admitted() + 100, 1200));
      });
      const { used } = await agreed(serverId);
      expect(Number(used)).toBeLessThanOrEqual(LIMIT_NANOS);
      expect(Number(used)).toBeGreaterThan(100 * NANOS_PER_CALL);
      await calling(() => eventually(() => (statuses.at(-1) === 402 ? true : undefined), 'the budget being used up'));
      expect((await agreed(serverId)).used).toBe(String(LIMIT_NANOS));
      expect(new Set(statuses).isSubsetOf(new Set([200, 402, 503]))).toBe(true);
    },
    120_000,
  );

  test('that is emptied: quotas of every metric are counted again as they were', async () => {
    const slug = `metered-${++slugs}`;
    const server = await stack.admin.createServer({ name: slug, slug, transport: 'STREAMABLE_HTTP', endpointUrl: upstream.url, blockedTools: ['delete_file'] });
    const apiKey = await stack.admin.createApiKey();
    await stack.admin.grant(apiKey.id, server.id);
    const owner = { ownerType: 'MCP_SERVER', ownerId: server.id, limit: '1000000' };
    for (const metric of METRICS) await newLimit(stack.admin, 'Quota', { ...owner, metric, mode: 'OBSERVE' });
    await newLimit(stack.admin, 'Quota', { ...owner, metric: 'TOOL_CALLS', tool: 'fail' });
    await stack.settled();
    const gateway = new GatewayClient(stack.gatewayUrl);
    const call = async (body: string) => (await gateway.send(slug, { key: apiKey.secret, body })).status;
    const bodies = [toolCall('echo', { message: 'héllo' }), toolCall('fail'), toolCall('delete_file'), listTools(), HANDSHAKE, toolCall('fail')];
    for (const body of bodies) expect(await call(body)).toBe(body.includes('delete_file') ? 403 : 200);
    const shown = () =>
      eventually(async () => {
        const windows = (await windowsOf(stack.admin, 'quotas').catch(() => [])).slice(-METRICS.length - 1);
        return windows.length > 0 && windows.every((window) => window?.reserved === '0') ? windows.map((window) => Number(window?.used)) : undefined;
      }, 'every call being settled');
    const before = await eventually(async () => {
      const used = await shown();
      return used[0] === 4 ? used : undefined;
    }, 'four requests being counted');
    await eventually(async () => {
      const [row] = await database.query('select count(*)::int as records from mcp_usage_records where server_id = $1', [server.id]);
      return row?.['records'] === bodies.length ? true : undefined;
    }, 'every record being stored');
    await withRedis(relay.url.replace('http:', 'redis:'), (client) => client.flushall());
    const last = toolCall('fail');
    expect(await eventually(async () => ((await call(last)) === 200 ? true : undefined), 'the windows being open')).toBe(true);
    const answerBytes = Buffer.byteLength('{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"it failed"}],"isError":true}}');
    const gained = [1, 1, 1, Buffer.byteLength(last), answerBytes, 1];
    const after = await eventually(async () => {
      const used = await shown();
      return used[0] === 5 ? used : undefined;
    }, 'the fifth request being counted');
    expect(after).toEqual(before.map((used, index) => used + (gained[index] ?? 0)));
  }, 60_000);
});

/** Data planes that take room for many calls at once: a budget is spent to the last call and never further, and the books agree whatever is killed. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { GatewayClient } from '../support/gateway-client.ts';
import { newLimit } from '../support/limits.ts';
import { startMcpUpstream, type McpUpstream } from '../support/mcp-upstream.ts';
import { startTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { eventually } from '../support/processes.ts';
import { hasRedis, startTestRedis, type TestRedis } from '../support/redis.ts';
import { startStack, type Stack } from '../support/stack.ts';

const PLANES = 4;
const CONNECTIONS = 64;
const ATTEMPTS = 20_000;
const AFFORDED = 1000;
const ALLOTMENT_CALLS = 100;
const CALL_NANOS = 2000;
/** A node is taken for lost 30 s after it was last heard of. */
const LOST_DEADLINE_MILLIS = 90_000;

const reconciledSchema = z.array(
  z.object({
    limit: z.object({ id: z.string() }),
    counted: z.string(),
    recorded: z.string(),
    reserved: z.string(),
    underWay: z.string(),
    unexplainedNanos: z.string(),
  }),
);
const recordsSchema = z.object({ nodes: z.array(z.object({ cost: z.object({ nanosUsd: z.string() }) })) });

interface Budget {
  readonly slug: string;
  readonly key: string;
  readonly serverId: string;
  readonly limitId: string;
}

describe.runIf(hasRedis)(`${PLANES} data planes with room for ${ALLOTMENT_CALLS} calls at once`, { timeout: 300_000 }, () => {
  let database: TestDatabase;
  let redis: TestRedis;
  let upstream: McpUpstream;
  let stack: Stack;
  let further: Awaited<ReturnType<Stack['startFurtherData']>>[];
  let urls: string[];

  beforeAll(async () => {
    [database, redis, upstream] = await Promise.all([startTestPostgres(), startTestRedis({ appendfsync: 'no' }), startMcpUpstream()]);
    stack = await startStack({ databaseUrl: database.url, redisUrl: redis.url, environment: { RECONCILIATION_SECONDS: '1' } });
    further = await Promise.all(Array.from({ length: PLANES - 1 }, () => stack.startFurtherData()));
    urls = [stack.gatewayUrl, ...further.map(({ url }) => url)];
  }, 120_000);
  afterAll(async () => {
    await stack?.close();
    await Promise.all([upstream?.close(), redis?.stop(), database?.stop()]);
  });

  /** A server whose every call costs the same, with a budget of its own for so many of them. */
  async function budgetFor(slug: string, calls: number): Promise<Budget> {
    const pricing = { usdPerMillionCalls: '2.00' };
    const server = await stack.admin.createServer({ name: slug, slug, transport: 'STREAMABLE_HTTP', endpointUrl: upstream.url, pricing });
    const apiKey = await stack.admin.createApiKey();
    await stack.admin.grant(apiKey.id, server.id);
    const owner = { ownerType: 'MCP_SERVER', ownerId: server.id, allotmentCalls: ALLOTMENT_CALLS };
    const limitId = await newLimit(stack.admin, 'Budget', { ...owner, limitUsd: String((calls * CALL_NANOS) / 1e9) });
    await stack.settled();
    return { slug, key: apiKey.secret, serverId: server.id, limitId };
  }

  /** What was compared, once every call is settled and nothing is held. */
  const reconciled = ({ limitId }: Budget, calls: (counted: number) => boolean) =>
    eventually(
      async () => {
        const query = '{ reconciliation { limit { id } counted recorded reserved underWay unexplainedNanos } }';
        const shown = reconciledSchema.parse((await stack.admin.query(query))['reconciliation']).find(({ limit }) => limit.id === limitId);
        return shown?.reserved === '0' && calls(Number(shown.counted) / CALL_NANOS) && shown.counted === shown.recorded ? shown : undefined;
      },
      'counters and records agreeing',
      LOST_DEADLINE_MILLIS,
    );

  async function calling({ slug, key }: Budget, url: string, ending: AbortSignal): Promise<number> {
    const gateway = new GatewayClient(url);
    let answered = 0;
    // A node that was killed, and a Redis that is away, answer nothing that counts.
    while (!ending.aborted) if ((await gateway.send(slug, { key }).catch(() => undefined))?.status === 200) answered++;
    return answered;
  }

  test(`a budget for ${AFFORDED} calls, ${ATTEMPTS} attempts over ${CONNECTIONS} connections: ${AFFORDED} are admitted, and no room is left over`, async () => {
    const budget = await budgetFor('shared', AFFORDED);
    const before = upstream.calls();
    const statuses: number[] = [];
    const attempts = async (_: unknown, connection: number) => {
      const gateway = new GatewayClient(urls[connection % PLANES] ?? '');
      for (let left = Math.ceil(ATTEMPTS / CONNECTIONS); left > 0;) {
        const { status } = await gateway.send('shared', budget);
        statuses.push(status);
        // On a busy machine Redis may be too slow for a moment: then nothing was admitted, and nothing was judged.
        if (status !== 503) left--;
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, attempts));
    const admitted = () => statuses.filter((status) => status === 200).length;
    expect(admitted()).toBeLessThanOrEqual(AFFORDED);
    // What a node had left over is there for others within a second or so.
    await eventually(async () => {
      statuses.push((await new GatewayClient(stack.gatewayUrl).send('shared', budget)).status);
      return admitted() >= AFFORDED ? true : undefined;
    }, 'the budget being spent');
    for (const url of urls) expect((await new GatewayClient(url).send('shared', budget)).status).toBe(402);
    expect(new Set(statuses).isSubsetOf(new Set([200, 402, 503]))).toBe(true);
    expect(upstream.calls() - before).toBe(AFFORDED);
    expect(await reconciled(budget, (calls) => calls === AFFORDED)).toMatchObject({ unexplainedNanos: '0', underWay: '0' });
  });

  test('Redis crashes under load and comes back with what it had: counters and records agree to the nano', async () => {
    const budget = await budgetFor('crashing', 1_000_000);
    const ending = new AbortController();
    const callers = urls.map((url) => calling(budget, url, ending.signal));
    for (let crash = 1; crash <= 3; crash++) {
      const before = upstream.calls();
      await eventually(() => (upstream.calls() - before > 500 ? true : undefined), 'calls going on');
      await redis.crash();
    }
    const before = upstream.calls();
    await eventually(() => (upstream.calls() - before > 500 ? true : undefined), 'calls going on');
    ending.abort();
    const answered = (await Promise.all(callers)).reduce((sum, calls) => sum + calls, 0);
    expect(await reconciled(budget, (calls) => calls >= answered)).toMatchObject({ unexplainedNanos: '0', underWay: '0' });
  });

  test('a node that is killed leaves one record at what it held, and nothing is spent beyond the limit', async () => {
    const budget = await budgetFor('killed', AFFORDED * 2);
    const [lost] = further;
    expect(lost).toBeDefined();
    const ending = new AbortController();
    const callers = Array.from({ length: 8 }, () => calling(budget, lost?.url ?? '', ending.signal));
    const before = upstream.calls();
    await eventually(() => (upstream.calls() - before > 3 * ALLOTMENT_CALLS ? true : undefined), 'calls going on');
    await lost?.program.stop('SIGKILL');
    ending.abort();
    await Promise.all(callers);
    const made = upstream.calls() - before;
    const shown = await reconciled(budget, (calls) => calls > 0);
    expect(shown).toMatchObject({ unexplainedNanos: '0', underWay: '0' });
    expect(Number(shown.counted)).toBeLessThanOrEqual(2 * AFFORDED * CALL_NANOS);
    expect(Number(shown.counted)).toBeGreaterThanOrEqual(made * CALL_NANOS);
    const query = `{ usageRecords(first: 100, filter: {range: {}, serverId: ["${budget.serverId}"], status: [502]}) { nodes { cost { nanosUsd } } } }`;
    const { nodes } = recordsSchema.parse((await stack.admin.query(query))['usageRecords']);
    expect(nodes.some(({ cost }) => Number(cost.nanosUsd) > CALL_NANOS)).toBe(true);
  });
});

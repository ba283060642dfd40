/** One budget and many data planes: however many ask at once and wherever, exactly as many calls are admitted as it pays for. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GatewayClient } from '../support/gateway-client.ts';
import { newLimit, windowsOf } from '../support/limits.ts';
import { startMcpUpstream, type McpUpstream } from '../support/mcp-upstream.ts';
import { startTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { eventually } from '../support/processes.ts';
import { hasRedis, startTestRedis, type TestRedis } from '../support/redis.ts';
import { startStack, type Stack } from '../support/stack.ts';

const PLANES = 4;
const CONNECTIONS = 64;
const ATTEMPTS = 20_000;
const AFFORDED = 1000;

describe.runIf(hasRedis)(`${PLANES} data planes`, () => {
  let database: TestDatabase;
  let redis: TestRedis;
  let upstream: McpUpstream;
  let stack: Stack;
  let urls: string[];

  beforeAll(async () => {
    [database, redis, upstream] = await Promise.all([startTestPostgres(), startTestRedis(), startMcpUpstream()]);
    stack = await startStack({ databaseUrl: database.url, redisUrl: redis.url });
    const further = await Promise.all(Array.from({ length: PLANES - 1 }, () => stack.startFurtherData()));
    urls = [stack.gatewayUrl, ...further.map(({ url }) => url)];
  }, 120_000);
  afterAll(async () => {
    await stack?.close();
    await Promise.all([upstream?.close(), redis?.stop(), database?.stop()]);
  });

  test(`a budget for ${AFFORDED} calls, ${CONNECTIONS} connections, ${ATTEMPTS} attempts: ${AFFORDED} are admitted`, async () => {
    const pricing = { usdPerMillionCalls: '2.00' };
    const server = await stack.admin.createServer({ name: 'priced', slug: 'priced', transport: 'STREAMABLE_HTTP', endpointUrl: upstream.url, pricing });
    const { id, secret: key } = await stack.admin.createApiKey();
    await stack.admin.grant(id, server.id);
    await newLimit(stack.admin, 'Budget', { limitUsd: '0.002' });
    await stack.settled();
    const statuses: number[] = [];
    const attempts = async (_: unknown, connection: number) => {
      const gateway = new GatewayClient(urls[connection % PLANES] ?? '');
      for (let left = Math.ceil(ATTEMPTS / CONNECTIONS); left > 0;) {
        const { status } = await gateway.send('priced', { key });
        statuses.push(status);
        // On a busy machine Redis may be too slow for a moment: then nothing was admitted, and nothing was judged.
        if (status !== 503) left--;
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, attempts));
    expect(statuses.filter((status) => status === 200)).toHaveLength(AFFORDED);
    expect(new Set(statuses).isSubsetOf(new Set([200, 402, 503]))).toBe(true);
    expect(upstream.calls()).toBe(AFFORDED);
    const window = await eventually(async () => {
      const [shown] = await windowsOf(stack.admin, 'budgets');
      return shown?.reserved === '0' ? shown : undefined;
    }, 'every call being settled');
    expect(window).toMatchObject({ used: '2000000', remaining: '0' });
  }, 300_000);
});

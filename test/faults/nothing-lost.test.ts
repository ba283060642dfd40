/** Records under fire: the control plane, and the usage intake in it, are killed again and again while 10,000 calls are made. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GatewayClient, toolCall } from '../support/gateway-client.ts';
import { startMcpUpstream, type McpUpstream } from '../support/mcp-upstream.ts';
import { eventually } from '../support/processes.ts';
import { startTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';
import { startStack, type Stack } from '../support/stack.ts';

const CALLS = 10_000;
const CALLERS = 32;

let database: TestDatabase;
let redis: TestRedis;
let stack: Stack;
let upstream: McpUpstream;

beforeAll(async () => {
  [database, redis, upstream] = await Promise.all([startTestPostgres(), startTestRedis(), startMcpUpstream()]);
  stack = await startStack({ databaseUrl: database.url, redisUrl: redis.url });
}, 120_000);

afterAll(async () => {
  await stack?.close();
  await Promise.all([upstream?.close(), redis?.stop(), database?.stop()]);
});

test('10,000 calls while the control plane is killed and restarted at random: 10,000 records, and the total cost exact to the nano', async () => {
  const server = await stack.admin.createServer({
    name: 'priced',
    slug: 'priced',
    transport: 'STREAMABLE_HTTP',
    endpointUrl: upstream.url,
    pricing: { usdPerMillionCalls: '2.00', usdPerMillionInputBytes: '0.50', usdPerMillionOutputBytes: '1.00' },
  });
  const apiKey = await stack.admin.createApiKey();
  await stack.admin.grant(apiKey.id, server.id);
  await stack.settled();
  const gateway = new GatewayClient(stack.gatewayUrl);
  const killing = { isOver: false };
  const killer = killAtRandom(killing);
  let next = 0;
  let costNanosUsd = 0n;
  const caller = async () => {
    for (let id = next++; id < CALLS; id = next++) {
      const body = toolCall('echo', { message: 'x'.repeat(id % 97) }, id);
      const answer = await gateway.send('priced', { key: apiKey.secret, body });
      expect(answer.status).toBe(200);
      costNanosUsd += 2000n + 500n * BigInt(Buffer.byteLength(body)) + 1000n * BigInt(Buffer.byteLength(answer.text));
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  killing.isOver = true;
  expect(await killer).toBeGreaterThan(1);
  const found = await eventually(async () => {
    const [row] = await database.query(
      'select count(*)::text as records, count(distinct request_id)::text as requests, coalesce(sum(cost_nanos_usd), 0)::text as cost from usage_records',
    );
    return row?.['records'] === String(CALLS) ? row : undefined;
  }, 'every record arriving');
  expect(found).toEqual({ records: String(CALLS), requests: String(CALLS), cost: String(costNanosUsd) });
  const [summed] = await database.query(
    `select (select sum(calls)::text from usage_hours) as hours, (select sum(cost_nanos_usd)::text from usage_days) as "costOfDays"`,
  );
  expect(summed).toEqual({ hours: String(CALLS), costOfDays: String(costNanosUsd) });
}, 240_000);

/** Kills without warning as soon as the plane is up again; answers how often. */
async function killAtRandom(killing: { isOver: boolean }): Promise<number> {
  let kills = 0;
  while (!killing.isOver) {
    await stack.control().stop('SIGKILL');
    kills++;
    await stack.startControl();
  }
  return kills;
}

/** Explanations in production: several programs, a real Redis of which not one count moves, and a playground that calls through it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { GatewayClient, toolCall } from '../support/gateway-client.ts';
import { startMcpUpstream, type McpUpstream } from '../support/mcp-upstream.ts';
import { startTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { eventually } from '../support/processes.ts';
import { hasRedis, startTestRedis, type TestRedis } from '../support/redis.ts';
import { hashesIn } from '../support/redis-counts.ts';
import { startStack, type Stack } from '../support/stack.ts';

const explanationSchema = z.object({
  allowed: z.boolean(),
  denial: z.object({ reason: z.string() }).nullable(),
  limits: z.array(z.object({ kind: z.string(), used: z.string(), reserved: z.string(), remaining: z.string() })),
  dataPlane: z.string(),
});
type Explanation = z.infer<typeof explanationSchema>;

describe.runIf(hasRedis)('with a Redis', () => {
  let database: TestDatabase;
  let redis: TestRedis;
  let upstream: McpUpstream;
  let stack: Stack;
  let ids: { apiKeyId: string; serverId: string };
  let secret: string;

  beforeAll(async () => {
    [database, redis, upstream] = await Promise.all([startTestPostgres(), startTestRedis(), startMcpUpstream()]);
    stack = await startStack({ databaseUrl: database.url, redisUrl: redis.url });
    const server = await stack.admin.createServer({ name: 'tools', slug: 'tools', transport: 'STREAMABLE_HTTP', endpointUrl: upstream.url });
    const key = await stack.admin.createApiKey({ policy: { ratelimit: { requests: { per_day: 20, per_hour: 10, burst: 5 }, concurrency: { max: 3 } } } });
    await stack.admin.grant(key.id, server.id);
    const schedule = { period: 'DAILY', timezone: 'UTC' };
    const quota = { name: 'calls', ownerType: 'API_KEY', ownerId: key.id, metric: 'TOOL_CALLS', limit: '3', schedule };
    await stack.admin.mutate('createQuota', 'QuotaInput', quota, 'quota { id }');
    await stack.settled();
    ids = { apiKeyId: key.id, serverId: server.id };
    secret = key.secret;
  }, 120_000);
  afterAll(async () => {
    await stack?.close();
    await Promise.all([upstream?.close(), redis?.stop(), database?.stop()]);
  });

  async function explain(): Promise<Explanation> {
    const { explainAccess } = await stack.admin.query(
      `query($input: ExplainAccessInput!) { explainAccess(input: $input) {
        explanation { allowed denial { reason } limits { kind used reserved remaining } dataPlane } userErrors { code } } }`,
      { input: { ...ids, tool: 'echo' } },
    );
    return z.object({ explanation: explanationSchema }).parse(explainAccess).explanation;
  }

  const call = () => new GatewayClient(stack.gatewayUrl).send('tools', { key: secret, body: toolCall('echo') });

  test('moves nothing, and says what is left until nothing is', async () => {
    for (const used of [0, 1, 2]) {
      const told = await eventually(async () => {
        const explanation = await explain();
        return explanation.limits.find(({ kind }) => kind === 'QUOTA')?.used === String(used) ? explanation : undefined;
      }, `${used} calls being counted`);
      expect(told).toMatchObject({ allowed: true });
      expect(told.limits.map(({ kind, used: taken }) => [kind, taken])).toEqual([
        ['RATE', String(used)],
        ['RATE', String(used)],
        ['CONCURRENCY', '0'],
        ['QUOTA', String(used)],
      ]);
      const before = await hashesIn(redis.url);
      await Promise.all(Array.from({ length: 20 }, explain));
      expect(await hashesIn(redis.url)).toEqual(before);
      expect((await call()).status).toBe(200);
    }
    const refused = await eventually(async () => {
      const explanation = await explain();
      return explanation.allowed ? undefined : explanation;
    }, 'the quota being used up');
    expect(refused.denial).toEqual({ reason: 'quota_exhausted' });
    expect((await call()).status).toBe(429);
  });

  test('while Redis is away says what the call would be answered then', async () => {
    await redis.halt();
    await eventually(async () => ((await call()).status === 503 ? true : undefined), 'the counters being missed');
    expect((await explain()).denial).toEqual({ reason: 'counters_unavailable' });
    await redis.resume();
  });

  test('is answered by another node when the first one is gone', async () => {
    await stack.startFurtherData();
    const { dataPlane } = await explain();
    await stack.data().stop();
    expect((await explain()).dataPlane).toBeTypeOf('string');
    expect(dataPlane).toBeTypeOf('string');
  });
});

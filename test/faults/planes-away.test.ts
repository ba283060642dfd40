/** What goes on while a part is away: the declared fail modes, each by killing the real thing. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GatewayClient, refusalOf, toolCall } from '../support/gateway-client.ts';
import { startMcpUpstream, type McpUpstream } from '../support/mcp-upstream.ts';
import { eventually } from '../support/processes.ts';
import { startTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';
import { startStack, type Stack } from '../support/stack.ts';

let database: TestDatabase;
let redis: TestRedis;
let stack: Stack;
let upstream: McpUpstream;
let gateway: GatewayClient;
let serverId: string;
let key: string;

beforeAll(async () => {
  [database, redis, upstream] = await Promise.all([startTestPostgres(), startTestRedis(), startMcpUpstream()]);
  stack = await startStack({ databaseUrl: database.url, redisUrl: redis.url });
  gateway = new GatewayClient(stack.gatewayUrl);
  const server = await stack.admin.createServer({ name: 'tools', slug: 'tools', transport: 'STREAMABLE_HTTP', endpointUrl: upstream.url });
  const apiKey = await stack.admin.createApiKey();
  await stack.admin.grant(apiKey.id, server.id);
  await stack.settled();
  serverId = server.id;
  key = apiKey.secret;
}, 120_000);

afterAll(async () => {
  await stack?.close();
  await Promise.all([upstream?.close(), redis?.stop(), database?.stop()]);
});

const statusOf = async (tool = 'echo') => (await gateway.send('tools', { key, body: toolCall(tool) })).status;

test('with the control plane killed calls go on, and after its return a change arrives', async () => {
  await stack.control().stop('SIGKILL');
  expect(await statusOf()).toBe(200);
  await stack.startControl();
  await stack.admin.mutate('setToolRules', 'SetToolRulesInput', { id: serverId, allowedTools: [], blockedTools: ['delete_file'] }, 'server { id }');
  await eventually(async () => ((await statusOf('delete_file')) === 403 ? true : undefined), 'the rule being enforced');
});

test('a data plane that starts while the control plane is down serves the last known good', async () => {
  await stack.data().stop();
  await stack.control().stop('SIGKILL');
  await stack.startData();
  expect(await statusOf()).toBe(200);
  expect(await statusOf('delete_file')).toBe(403);
  await stack.startControl();
  await stack.settled();
});

test('with Redis stopped calls go on by the local count, and their records arrive when it is back', async () => {
  await redis.halt();
  const answer = await gateway.send('tools', { key });
  expect(answer.status).toBe(200);
  const requestId = answer.headers.get('turnpike-request-id');
  await redis.resume();
  await eventually(async () => {
    const { usageRecord } = await stack.admin.query('query($id: String!) { usageRecord(requestId: $id) { status } }', { id: requestId });
    return usageRecord === null ? undefined : true;
  }, 'the record of the call');
  expect(await statusOf()).toBe(200);
});

test('an upstream that is gone is a typed error, and the next one works', async () => {
  const gone = await startMcpUpstream();
  await gone.close();
  const server = await stack.admin.createServer({ name: 'gone', slug: 'gone', transport: 'STREAMABLE_HTTP', endpointUrl: gone.url });
  const apiKey = await stack.admin.createApiKey();
  await stack.admin.grant(apiKey.id, server.id);
  await stack.settled();
  const answer = await gateway.send('gone', { key: apiKey.secret });
  expect(answer.status).toBe(502);
  expect(refusalOf(answer).data).toMatchObject({ code: 'upstream_error', reason: 'unreachable' });
  expect(await statusOf()).toBe(200);
});

/** The everything server, started again under a client that knows nothing of it: its session goes on, as long as Redis can say that it may. */
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { eventually, freePort, ROOT, startProgram, type Program } from '../support/processes.ts';
import { startTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { startTestRedis, withRedis, type TestRedis } from '../support/redis.ts';
import { startStack, type Stack } from '../support/stack.ts';

const EVERYTHING = join(ROOT, 'node_modules/@modelcontextprotocol/server-everything/dist/index.js');
/** The server listens everywhere by itself. */
const ON_LOOPBACK = join(ROOT, 'bin/demo/bind-loopback.cjs');
const ECHO = { name: 'echo', arguments: { message: 'still here' } };
const ECHOED = { content: [{ type: 'text', text: 'Echo: still here' }] };

let database: TestDatabase;
let redis: TestRedis;
let stack: Stack;
let port: number;
let everything: Program;
let secret: string;

beforeAll(async () => {
  port = await freePort();
  [database, redis] = await Promise.all([startTestPostgres(), startTestRedis()]);
  [stack] = await Promise.all([startStack({ databaseUrl: database.url, redisUrl: redis.url }), startEverything()]);
  const { id } = await stack.admin.createServer({
    name: 'everything',
    slug: 'everything',
    transport: 'STREAMABLE_HTTP',
    endpointUrl: `http://127.0.0.1:${port}/mcp`,
  });
  const apiKey = await stack.admin.createApiKey();
  secret = apiKey.secret;
  await stack.admin.grant(apiKey.id, id);
  await stack.settled();
}, 120_000);

afterAll(async () => {
  await stack?.close();
  await Promise.all([everything?.stop(), redis?.stop(), database?.stop()]);
});

async function startEverything(): Promise<void> {
  everything = startProgram(process.execPath, ['--require', ON_LOOPBACK, EVERYTHING, 'streamableHttp'], { PORT: String(port) });
  await eventually(() => (everything.output().includes('listening on port') ? true : undefined), 'the everything server listening');
}

async function restartEverything(): Promise<void> {
  await everything.stop();
  await startEverything();
}

async function connected(): Promise<{ client: Client; transport: StreamableHTTPClientTransport }> {
  const client = new Client({ name: 'unaware', version: '1.0.0' });
  const headers = { authorization: `Bearer ${secret}` };
  const transport = new StreamableHTTPClientTransport(new URL(`${stack.gatewayUrl}/v1/mcp/everything`), { requestInit: { headers } });
  await client.connect(transport);
  onTestFinished(() => client.close());
  return { client, transport };
}

test('a client calls on as if its server had never been away', async () => {
  const { client, transport } = await connected();
  const { sessionId } = transport;
  expect(await client.callTool(ECHO)).toEqual(ECHOED);
  await restartEverything();
  expect(await client.callTool(ECHO)).toEqual(ECHOED);
  await restartEverything();
  expect(await Promise.all([client.callTool(ECHO), client.ping(), client.callTool(ECHO)])).toEqual([ECHOED, {}, ECHOED]);
  expect(transport.sessionId).toBe(sessionId);
});

test('while Redis is away calls go on, but nothing is healed; afterwards it is', async () => {
  const { client } = await connected();
  await redis.halt();
  expect(await client.callTool(ECHO)).toEqual(ECHOED);
  await restartEverything();
  await expect(client.callTool(ECHO)).rejects.toThrow(/No valid session ID/);
  await redis.resume();
  expect(await eventually(() => client.callTool(ECHO), 'the session being healed')).toEqual(ECHOED);
});

test('every node can know of a session that its caller ended before the caller hears so', async () => {
  const { transport } = await connected();
  const before = await bookedInRedis();
  await transport.terminateSession();
  expect(await bookedInRedis()).toBe(before + 1);
});

function bookedInRedis(): Promise<number> {
  return withRedis(redis.url, async (client) => (await client.keys('{org_*}:session:*')).length);
}

/** The official everything server over HTTP+SSE, behind the gateway: clients of Streamable HTTP use it as if it spoke their transport. */
import { join } from 'node:path';
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CreateMessageRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { GatewayClient, listTools, refusalOf, toolCall } from '../support/gateway-client.ts';
import { eventually, freePort, ROOT, startProgram, type Program } from '../support/processes.ts';
import { startTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';
import { echo, startSseUpstream } from '../support/sse-upstream.ts';
import { startStack, type Stack } from '../support/stack.ts';

const EVERYTHING = join(ROOT, 'node_modules/@modelcontextprotocol/server-everything/dist/index.js');
/** The server listens everywhere by itself. */
const ON_LOOPBACK = join(ROOT, 'bin/demo/bind-loopback.cjs');
const BLOCKED = 'get-env';

let database: TestDatabase;
let redis: TestRedis;
let stack: Stack;
let everything: Program;
let everythingUrl: string;
let key: string;
let otherKey: string;
let gateway: GatewayClient;

beforeAll(async () => {
  const port = await freePort();
  everything = startProgram(process.execPath, ['--require', ON_LOOPBACK, EVERYTHING, 'sse'], { PORT: String(port) });
  everythingUrl = `http://127.0.0.1:${port}/sse`;
  [database, redis] = await Promise.all([startTestPostgres(), startTestRedis()]);
  stack = await startStack({ databaseUrl: database.url, redisUrl: redis.url });
  gateway = new GatewayClient(stack.gatewayUrl);
  [key, otherKey] = await governed('everything', everythingUrl);
  await eventually(() => (everything.output().includes('Server is running') ? true : undefined), 'the everything server listening');
}, 120_000);

afterAll(async () => {
  await stack?.close();
  await Promise.all([everything?.stop(), redis?.stop(), database?.stop()]);
});

/** A server over SSE with a tool that is blocked, and two keys that may call it. */
async function governed(slug: string, endpointUrl: string): Promise<[string, string]> {
  const { id } = await stack.admin.createServer({ name: slug, slug, transport: 'SSE', endpointUrl });
  await stack.admin.mutate('setToolRules', 'SetToolRulesInput', { id, allowedTools: [], blockedTools: [BLOCKED] }, 'server { id }');
  const keys = [await stack.admin.createApiKey(), await stack.admin.createApiKey()] as const;
  for (const apiKey of keys) await stack.admin.grant(apiKey.id, id);
  await stack.settled();
  return [keys[0].secret, keys[1].secret];
}

async function connected(slug = 'everything', secret = key): Promise<{ client: Client; transport: StreamableHTTPClientTransport }> {
  const client = new Client({ name: 'test', version: '1.0.0' }, { capabilities: { sampling: {} } });
  const transport = new StreamableHTTPClientTransport(new URL(`${stack.gatewayUrl}/v1/mcp/${slug}`), {
    requestInit: { headers: { authorization: `Bearer ${secret}` } },
  });
  // Before it connects: the server may ask at once.
  client.setRequestHandler(CreateMessageRequestSchema, () => ({ model: 'test', role: 'assistant', content: { type: 'text', text: 'sampled here' } }));
  await client.connect(transport);
  onTestFinished(() => client.close());
  return { client, transport };
}

test('a client lists and calls what it would list and call directly, but for what is blocked', async () => {
  const direct = new Client({ name: 'test', version: '1.0.0' }, { capabilities: { sampling: {} } });
  await direct.connect(new SSEClientTransport(new URL(everythingUrl)));
  onTestFinished(() => direct.close());
  const { client } = await connected();
  expect(client.getServerVersion()).toEqual(direct.getServerVersion());
  const { tools } = await direct.listTools();
  expect((await client.listTools()).tools).toEqual(tools.filter(({ name }) => name !== BLOCKED));
  const call = { name: 'echo', arguments: { message: 'hello' } };
  expect(await client.callTool(call)).toEqual(await direct.callTool(call));
});

test('a client of the second major version finds its way as well', async () => {
  const client = new ClientV2({ name: 'test', version: '1.0.0' });
  await client.connect(new TransportV2(new URL(`${stack.gatewayUrl}/v1/mcp/everything`), { requestInit: { headers: { authorization: `Bearer ${key}` } } }));
  onTestFinished(() => client.close());
  expect(await client.callTool({ name: 'echo', arguments: { message: 'hello' } })).toMatchObject({ content: [{ text: 'Echo: hello' }] });
});

test('progress arrives while the tool works', async () => {
  const { client } = await connected();
  const progress: number[] = [];
  const call = { name: 'trigger-long-running-operation', arguments: { duration: 0.3, steps: 3 } };
  const result = await client.callTool(call, undefined, { onprogress: (step) => void progress.push(step.progress) });
  expect(result).toMatchObject({ content: [{ type: 'text' }] });
  expect(progress).toEqual([1, 2, 3]);
});

test('a tool may ask the client that called it, and no other', async () => {
  const [{ client }] = [await connected(), await connected()];
  const result = await client.callTool({ name: 'trigger-sampling-request', arguments: { prompt: 'say something', maxTokens: 10 } });
  expect(JSON.stringify(result)).toContain('sampled here');
});

test('a blocked tool is refused, and the server never hears of it', async () => {
  const { client } = await connected();
  await expect(client.callTool({ name: BLOCKED, arguments: {} })).rejects.toThrow('is blocked on');
  const upstream = await startSseUpstream({ hear: echo });
  const [scriptedKey] = await governed('scripted', upstream.url);
  const { client: watched } = await connected('scripted', scriptedKey);
  await expect(watched.callTool({ name: BLOCKED, arguments: {} })).rejects.toThrow('is blocked on');
  await watched.callTool({ name: 'echo', arguments: {} });
  expect(upstream.posted.map(({ method, params }) => params['name'] ?? method)).toEqual(['initialize', 'notifications/initialized', 'echo']);
});

test('a single request needs no session, and reads JSON', async () => {
  const answer = await gateway.send('everything', { key, body: toolCall('echo', { message: 'hi' }, 'mine'), headers: { accept: '*/*' } });
  expect(answer.headers.get('content-type')).toBe('application/json');
  expect(JSON.parse(answer.text)).toMatchObject({ id: 'mine', result: { content: [{ text: 'Echo: hi' }] } });
  expect((await gateway.send('everything', { key, body: listTools() })).text).not.toContain(BLOCKED);
});

test('a key may not use the session of another key, and nobody one that was ended', async () => {
  const { transport } = await connected();
  const headers = { accept: 'application/json, text/event-stream', 'mcp-session-id': transport.sessionId ?? '' };
  const ask = (secret: string) => gateway.send('everything', { key: secret, headers, body: listTools() });
  expect((await ask(key)).status).toBe(200);
  const stranger = await ask(otherKey);
  expect(stranger.status).toBe(404);
  expect(refusalOf(stranger).data).toMatchObject({ code: 'mcp_not_found', reason: 'unknown_session' });
  await transport.terminateSession();
  expect((await ask(key)).status).toBe(404);
});

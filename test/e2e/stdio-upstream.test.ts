/** The official everything server over STDIO, behind the gateway: the same to its clients, and safe to share. */
import { mkdtemp, realpath, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GatewayClient, toolCall } from '../support/gateway-client.ts';
import { ROOT } from '../support/processes.ts';
import { startTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';
import { startStack, type Stack } from '../support/stack.ts';

let database: TestDatabase;
let redis: TestRedis;
let stack: Stack;
let command: string;
let key: string;
const EVERYTHING = [join(ROOT, 'node_modules/@modelcontextprotocol/server-everything/dist/index.js'), 'stdio'];

beforeAll(async () => {
  command = await realpath(process.execPath);
  const allowlist = join(await mkdtemp(join(tmpdir(), 'turnpike-allowlist-')), 'stdio-allowlist.json');
  await writeFile(allowlist, JSON.stringify({ entries: [{ command, args: EVERYTHING.map((argument) => RegExp.escape(argument)), env: [] }] }));
  [database, redis] = await Promise.all([startTestPostgres(), startTestRedis()]);
  stack = await startStack({ databaseUrl: database.url, redisUrl: redis.url, environment: { TURNPIKE_STDIO_ALLOWLIST: allowlist } });
  const server = await stack.admin.createServer({ name: 'everything', slug: 'everything', transport: 'STDIO', stdioCommand: command, stdioArgs: EVERYTHING });
  const apiKey = await stack.admin.createApiKey();
  await stack.admin.grant(apiKey.id, server.id);
  await stack.settled();
  key = apiKey.secret;
}, 120_000);

afterAll(async () => {
  await stack?.close();
  await Promise.all([redis?.stop(), database?.stop()]);
});

test('tools/list and tools/call answer through the gateway what the server answers directly', async () => {
  const direct = new Client({ name: 'test', version: '1.0.0' });
  await direct.connect(new StdioClientTransport({ command, args: EVERYTHING, stderr: 'ignore' }));
  const governed = new Client({ name: 'test', version: '1.0.0' });
  await governed.connect(
    new StreamableHTTPClientTransport(new URL(`${stack.gatewayUrl}/v1/mcp/everything`), { requestInit: { headers: { authorization: `Bearer ${key}` } } }),
  );
  expect(await governed.listTools()).toEqual(await direct.listTools());
  const call = { name: 'echo', arguments: { message: 'hello' } };
  expect(await governed.callTool(call)).toEqual(await direct.callTool(call));
  await Promise.all([direct.close(), governed.close()]);
});

test('200 callers with the same JSON-RPC id each get their own answer', async () => {
  const gateway = new GatewayClient(stack.gatewayUrl);
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, index) => gateway.send('everything', { key, body: toolCall('echo', { message: `caller ${index}` }, 1) })),
  );
  for (const [index, answer] of answers.entries()) {
    expect(JSON.parse(answer.text)).toMatchObject({ id: 1, result: { content: [{ text: `Echo: caller ${index}` }] } });
  }
});

test('a program that is not on the allow-list is refused when it is saved', async () => {
  const input = { name: 'shell', slug: 'shell', transport: 'STDIO', stdioCommand: '/bin/sh', stdioArgs: ['-c', 'true'] };
  await expect(stack.admin.createServer(input)).rejects.toThrow('STDIO_NOT_ALLOWED');
});

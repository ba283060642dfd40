/** What stands behind the slug goes to the same place below the upstream's endpoint, governed like everything else, and can lead nowhere else. */
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startMcpUpstream, type McpUpstream } from '../support/mcp-upstream.ts';
import { startTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';
import { startStack, type Stack } from '../support/stack.ts';

let database: TestDatabase;
let redis: TestRedis;
let upstream: McpUpstream;
let stack: Stack;
let secret: string;

beforeAll(async () => {
  [database, redis, upstream] = await Promise.all([startTestPostgres(), startTestRedis(), startMcpUpstream({ sessions: true })]);
  stack = await startStack({ databaseUrl: database.url, redisUrl: redis.url });
  const server = await stack.admin.createServer({
    name: 'Paths',
    slug: 'paths',
    transport: 'STREAMABLE_HTTP',
    endpointUrl: `${upstream.url}/base/?tenant=7`,
    blockedTools: ['delete_file'],
  });
  const key = await stack.admin.createApiKey();
  await stack.admin.grant(key.id, server.id);
  await stack.settled();
  ({ secret } = key);
}, 120_000);

beforeEach(() => {
  upstream.seen.length = 0;
});

afterAll(async () => {
  await stack?.close();
  await Promise.all([upstream?.close(), redis?.stop(), database?.stop()]);
});

test.each([
  ['', '/mcp/base/?tenant=7'],
  ['?x=1', '/mcp/base/?tenant=7'],
  ['/readonly', '/mcp/base/readonly?tenant=7'],
  ['/x/repos', '/mcp/base/x/repos?tenant=7'],
  ['/v1.2/a_b~c-d/...', '/mcp/base/v1.2/a_b~c-d/...?tenant=7'],
  ['/readonly?x=1', '/mcp/base/readonly?tenant=7'],
])('%s goes to %s', async (tail, target) => {
  const { status, body } = await call(`/v1/mcp/paths${tail}`, 'echo');
  expect([status, body]).toEqual([200, expect.stringContaining('result')]);
  // The call itself, and before it perhaps the handshake of the session that it was lent.
  expect(upstream.seen.length).toBeGreaterThan(0);
  expect(new Set(upstream.seen.map((seen) => seen.target))).toEqual(new Set([target]));
});

test('a tool that is blocked is blocked below the endpoint too', async () => {
  const { body } = await call('/v1/mcp/paths/readonly', 'delete_file');
  expect(JSON.parse(body)).toMatchObject({ error: { data: { reason: 'blocked_tool' } } });
  expect(upstream.seen).toEqual([]);
});

test.each([
  '/..',
  '/.',
  '/../admin',
  '/a/..',
  '/a/../b',
  '/a/./b',
  '/%2e%2e/admin',
  '/%2E%2E',
  '/a%2fb',
  '/a%5cb',
  '/a\\b',
  '/',
  '//',
  '//evil.example/x',
  '/a//b',
  '/a/',
  '/a;b',
  '/a#b',
  '/@evil.example',
  '/a:b',
  '/a%00',
  '/\u00e9',
  `/${'a/'.repeat(16)}b`,
  `/${'a'.repeat(256)}`,
])('%s is no path', async (tail) => {
  const { status } = await call(`/v1/mcp/paths${tail}`, 'echo');
  // Node itself refuses the one with a letter that no request line may have.
  expect([400, 404]).toContain(status);
  expect(upstream.seen).toEqual([]);
});

test('an absolute target is no path', async () => {
  const { status } = await call(`http://127.0.0.1/v1/mcp/paths`, 'echo');
  expect(status).toBe(404);
  expect(upstream.seen).toEqual([]);
});

/** Unlike `fetch`, this sends the path as it is written. */
function call(path: string, tool: string): Promise<{ status: number; body: string }> {
  const { hostname, port } = new URL(stack.gatewayUrl);
  const message = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool, arguments: { message: 'hello' } } });
  const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json', accept: 'application/json' };
  return new Promise((resolve, reject) => {
    const request = httpRequest({ hostname, port, path, method: 'POST', headers }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    request.on('error', reject);
    request.end(message);
  });
}

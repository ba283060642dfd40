/** The door of an old client: who may use it, what its POSTs are answered with, and what ends with it. */
import { get } from 'node:http';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { listTools, toolCall } from '../support/gateway-client.ts';
import { startMcpUpstream, type McpUpstream } from '../support/mcp-upstream.ts';
import { startTestPlanes, type TestPlanes } from '../support/planes.ts';
import { pidsBelow } from '../support/process-tree.ts';
import { eventually, ROOT } from '../support/processes.ts';
import { greet, openRawDoor, type RawDoor, type RawMessage } from '../support/raw-door.ts';
import { startSseUpstream } from '../support/sse-upstream.ts';

const STDIO_FIXTURE = join(ROOT, 'test/support/stdio-fixture.mjs');
let directory: string;
let command: string;
let planes: TestPlanes;
let upstream: McpUpstream;
let target: { url: string; apiKey: string };

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'turnpike-doors-'));
  command = await realpath(process.execPath);
  const allowlist = join(directory, 'allowlist.json');
  await writeFile(allowlist, JSON.stringify({ entries: [{ command, args: [RegExp.escape(STDIO_FIXTURE)], env: [] }] }));
  [planes, upstream] = await Promise.all([startTestPlanes({ TURNPIKE_STDIO_ALLOWLIST: allowlist }), startMcpUpstream({ sessions: true })]);
  target = await planes.governed({
    slug: 'doors',
    endpointUrl: upstream.url,
    blockedTools: ['delete_file'],
    semanticFilter: { blockedKeywords: ['private key'], applyTo: ['RESPONSE'], action: 'BLOCK' },
  });
}, 120_000);

afterAll(async () => {
  await planes?.close();
  await Promise.all([upstream?.close(), rm(directory, { recursive: true, force: true })]);
});

const recordSchema = z.object({ status: z.number(), denial: z.object({ reason: z.string() }).nullable(), mcp: z.object({ rpcMethod: z.string().nullable() }) });

function recordOf(requestId: string): Promise<z.infer<typeof recordSchema>> {
  return eventually(async () => {
    const query = 'query($id: String!) { usageRecord(requestId: $id) { status denial { reason } mcp { rpcMethod } } }';
    const { usageRecord } = await planes.control.admin.query(query, { id: requestId });
    return usageRecord === null ? undefined : recordSchema.parse(usageRecord);
  }, `the record of ${requestId}`);
}

/** Without what the server says by itself. */
function answersOn(door: RawDoor): RawMessage[] {
  return door.messages().filter(({ method }) => method === undefined);
}

test('a message is accepted with an empty 202, answered on the stream, and recorded by itself', async () => {
  const door = await openRawDoor(target);
  expect(door.endpoint).toMatch(/^\/v1\/mcp\/doors\/messages\?sessionId=[\w.-]+$/);
  const posted = await door.post(toolCall('echo', { message: 'hi' }, 'mine'));
  expect([posted.status, await posted.text()]).toEqual([202, '']);
  expect(await door.answerTo('mine')).toMatchObject({ result: { content: [{ text: 'hi' }] } });
  expect(await recordOf(posted.headers.get('turnpike-request-id') ?? '')).toEqual({ status: 200, denial: null, mcp: { rpcMethod: 'tools/call' } });
  await door.leave();
  expect(await recordOf(door.requestId)).toEqual({ status: 499, denial: null, mcp: { rpcMethod: null } });
});

test('two doors have two ids, and each client hears what is its own', async () => {
  const [first, second] = [await openRawDoor(target), await openRawDoor(target)];
  expect(first.endpoint).not.toBe(second.endpoint);
  await Promise.all([first.post(toolCall('echo', { message: 'one' }, 1)), second.post(toolCall('echo', { message: 'two' }, 1))]);
  expect(await first.answerTo(1)).toMatchObject({ result: { content: [{ text: 'one' }] } });
  expect(await second.answerTo(1)).toMatchObject({ result: { content: [{ text: 'two' }] } });
});

test('what a rule denies is told on the stream, and a notification is never answered', async () => {
  const door = await openRawDoor(target);
  expect((await door.post(toolCall('delete_file', {}, 'no'))).status).toBe(202);
  expect(await door.answerTo('no')).toMatchObject({ error: { code: -33_403, data: { reason: 'blocked_tool' } } });
  const asText = await door.post(toolCall('delete_file', {}, 'text'), { 'turnpike-denial-style': 'TOOL_RESULT' });
  expect(asText.status).toBe(202);
  expect(await door.answerTo('text')).toMatchObject({ result: { isError: true } });
  const modern = { 'mcp-protocol-version': '2026-07-28' };
  expect((await door.post('{"jsonrpc":"2.0","method":"notifications/cancelled"}', modern)).status).toBe(202);
  expect((await door.post(listTools('modern'), modern)).status).toBe(202);
  await door.answerTo('modern');
  expect(answersOn(door).map(({ id }) => id)).toEqual(['no', 'text', 'modern']);
});

test('a request of the era without sessions has no place on a stream that is one', async () => {
  const door = await openRawDoor(target);
  const revision = '2026-07-28';
  const params = { _meta: { 'io.modelcontextprotocol/protocolVersion': revision, 'io.modelcontextprotocol/clientCapabilities': {} } };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 'modern', method: 'tools/list', params });
  expect((await door.post(body, { 'mcp-protocol-version': revision, 'mcp-method': 'tools/list' })).status).toBe(202);
  expect(await door.answerTo('modern')).toMatchObject({ error: { data: { reason: 'sessions_only' } } });
});

test('lists are cut and words are judged on this way too', async () => {
  const door = await openRawDoor(target);
  await door.post(listTools('list'));
  expect(JSON.stringify(await door.answerTo('list'))).not.toContain('delete_file');
  await door.post(toolCall('echo', { message: 'a private key' }, 'words'));
  expect(await door.answerTo('words')).toMatchObject({ error: { data: { reason: 'semantic_filter' } } });
  expect(door.text()).not.toContain('private key');
});

test('what is wrong before a message is read is answered by its POST', async () => {
  const door = await openRawDoor(target);
  const other = await planes.control.admin.createApiKey();
  const [{ id: serverId }] = z
    .tuple([z.object({ id: z.string() })])
    .parse(await planes.control.database.query("select id from mcp_servers where slug = 'doors'"));
  await planes.control.admin.grant(other.id, serverId);
  const stranger = { authorization: `Bearer ${other.secret}` };
  // Until the grant has come to the gateway, the stranger is refused for lacking it.
  const foreign = await eventually(async () => {
    const answer = await door.post(listTools(), stranger);
    return answer.status === 403 ? undefined : answer;
  }, 'the grant being in force');
  expect([foreign.status, await foreign.text()]).toEqual([404, expect.stringContaining('"reason":"unknown_session"')]);
  expect((await door.post(listTools(), { authorization: 'Bearer nobody' })).status).toBe(401);
  expect((await door.post(listTools(), { 'content-type': 'text/plain' })).status).toBe(415);
  expect((await door.post('{"jsonrpc":"2.0"')).status).toBe(400);
  expect((await door.post(`"${'x'.repeat(5 * 1024 * 1024)}"`)).status).toBe(413);
  await door.leave();
  await eventually(async () => ((await door.post(listTools())).status === 404 ? true : undefined), 'the door being closed');
  expect(answersOn(door)).toEqual([]);
});

test('a path of the same name that is the server’s own leads there as before', async () => {
  upstream.seen.length = 0;
  const headers = { authorization: `Bearer ${target.apiKey}`, 'content-type': 'application/json', accept: 'application/json' };
  for (const query of ['', '?sessionId=0b6b2f1e-4f5e-4a7c-9d53-6b7a2d1f0a11']) {
    const answer = await fetch(`${target.url}/messages${query}`, { method: 'POST', headers, body: toolCall('echo', { message: 'there' }) });
    expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('there')]);
  }
  expect(new Set(upstream.seen.map((seen) => seen.target))).toEqual(new Set(['/mcp/messages']));
});

test('the end of the stream ends the session at a server over Streamable HTTP', async () => {
  upstream.seen.length = 0;
  const door = await openRawDoor(target);
  await greet(door);
  await door.leave();
  const ended = await eventually(() => upstream.seen.find(({ method }) => method === 'DELETE'), 'the end of the session');
  const sessions = upstream.seen.filter(({ body }) => body.includes('initialized')).map(({ headers }) => headers['mcp-session-id']);
  expect(sessions).toEqual([ended.headers['mcp-session-id']]);
});

test('the end of the stream ends the connection to a server over HTTP+SSE', async () => {
  const old = await startSseUpstream();
  const door = await openRawDoor(await planes.governed({ slug: 'old', transport: 'SSE', endpointUrl: old.url }));
  await greet(door);
  expect(old.openStreams()).toBe(1);
  await door.leave();
  await eventually(() => (old.openStreams() === 0 ? true : undefined), 'the connection being closed');
});

test('the end of the stream ends the process of a session', async () => {
  const launch = { transport: 'STDIO', stdioIsolation: 'PER_SESSION', stdioCommand: command, stdioArgs: [STDIO_FIXTURE] };
  const door = await openRawDoor(await planes.governed({ slug: 'process', ...launch }));
  await greet(door);
  expect(pidsBelow(process.pid, STDIO_FIXTURE)).toHaveLength(1);
  await door.leave();
  await eventually(() => (pidsBelow(process.pid, STDIO_FIXTURE).length === 0 ? true : undefined), 'the process being gone');
});

test('a key that is revoked loses its stream within seconds, and the record says why', async () => {
  const governed = await planes.governed({ slug: 'revoked', endpointUrl: upstream.url });
  const door = await openRawDoor(governed);
  const [key] = z
    .tuple([z.object({ id: z.string() })])
    .parse(await planes.control.database.query('select id from api_keys where prefix = $1', [governed.apiKey.split('_', 2).join('_')]));
  await planes.control.admin.mutate('revokeApiKey', 'IdInput', { id: key.id }, 'apiKey { id }');
  await eventually(() => (door.isOpen() ? undefined : true), 'the end of the stream');
  expect(answersOn(door)).toMatchObject([{ id: null, error: { data: { reason: 'revoked_key' } } }]);
  expect((await door.post(listTools())).status).toBe(401);
  expect(await recordOf(door.requestId)).toMatchObject({ denial: { reason: 'revoked_key' } });
});

test('one who listens to a server without sessions, as clients of 2025-03-26 do, hears it behind the endpoint', async () => {
  const stateless = await startMcpUpstream();
  const door = await openRawDoor(await planes.governed({ slug: 'stateless', endpointUrl: stateless.url }));
  await eventually(() => door.messages().find(({ method }) => method === 'notifications/tools/list_changed'), 'a notification');
  await door.leave();
  await stateless.close();
});

test('a client who does not read is cut before the gateway holds more than it may', async () => {
  const { url, apiKey } = target;
  const authorization = `Bearer ${apiKey}`;
  const { endpoint, requestId } = await new Promise<{ endpoint: string; requestId: string }>((resolve, reject) => {
    const opening = get(url, { headers: { accept: 'text/event-stream', authorization } }, (response) => {
      response.once('data', (chunk: Buffer) => {
        response.pause();
        resolve({ endpoint: /data: (.+)/.exec(chunk.toString())?.[1] ?? '', requestId: String(response.headers['turnpike-request-id']) });
      });
      response.on('error', () => undefined);
    });
    opening.on('error', reject);
  });
  const body = toolCall('echo', { message: 'x'.repeat(1024 * 1024) });
  await eventually(async () => {
    const posted = await fetch(new URL(endpoint, url), { method: 'POST', headers: { authorization, 'content-type': 'application/json' }, body });
    return posted.status === 404 ? true : undefined;
  }, 'the door being closed');
  expect(await recordOf(requestId)).toMatchObject({ status: 499, denial: { reason: 'client_gone' } });
});

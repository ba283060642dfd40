/** Requests of revision 2026-07-28 to servers with sessions, as they stand on the wire: what such a server gets, and what no SDK shows of its answer. */
import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { startConformanceFixture, type ConformanceFixture } from '../support/conformance/fixture.ts';
import { listenOnLoopback } from '../support/loopback.ts';
import { startMcpUpstream, type McpUpstream } from '../support/mcp-upstream.ts';
import { postModern, type ModernRequest, type Target } from '../support/modern-client.ts';
import { startTestPlanes, type TestPlanes } from '../support/planes.ts';
import { eventually } from '../support/processes.ts';

let planes: TestPlanes;
let upstream: McpUpstream;
let fixture: ConformanceFixture;
let target: Target;
let asking: Target;

beforeAll(async () => {
  [planes, upstream, fixture] = await Promise.all([startTestPlanes(), startMcpUpstream({ sessions: true }), startConformanceFixture()]);
  target = await planes.governed({ slug: 'sessions', endpointUrl: upstream.url, blockedTools: ['delete_file'] });
  asking = await planes.governed({ slug: 'asking', endpointUrl: fixture.legacyUrl });
}, 120_000);

afterAll(async () => {
  await planes?.close();
  await Promise.all([upstream?.close(), fixture?.close()]);
});

const answerSchema = z.object({
  id: z.unknown(),
  result: z.looseObject({ requestState: z.string().optional() }).optional(),
  error: z.looseObject({ code: z.number(), data: z.looseObject({ code: z.string(), reason: z.string() }).optional() }).optional(),
});

async function ask(at: Target, method: string, request: ModernRequest = {}) {
  const response = await postModern(at, method, { ...request, headers: { accept: 'application/json', ...request.headers } });
  const text = await response.text();
  return { status: response.status, text, ...answerSchema.parse(JSON.parse(text)) };
}

test('a server with sessions gets a session, its own revision and none of the words that it does not know', async () => {
  await ask(target, 'tools/call', { params: { name: 'echo', arguments: { message: 'hi' } }, meta: { 'vendor/key': 1 } });
  const call = upstream.seen.at(-1);
  expect(call?.headers).toMatchObject({ 'mcp-protocol-version': '2025-11-25', 'mcp-session-id': expect.any(String) });
  expect(call?.headers).not.toHaveProperty('mcp-method');
  expect(JSON.parse(call?.body ?? '')).toMatchObject({ params: { name: 'echo', arguments: { message: 'hi' }, _meta: { 'vendor/key': 1 } } });
  expect(call?.body).not.toContain('io.modelcontextprotocol');
});

test('a result keeps every byte that it had', async () => {
  const { text } = await ask(target, 'tools/call', { params: { name: 'echo', arguments: { message: 'hi' } } });
  expect(text).toContain('"structuredContent":{"echoed":"hi","big":12345678901234567890,"exact":1.0,"tiny":1e-7}');
  expect(text).toContain('"vendor/trace":"\\u0041\\/b"},"unknownField":{"kept":[null,true]}}');
  expect(text).toContain('"resultType":"complete"');
});

test('a list is filtered, and the caller’s alone', async () => {
  const { result } = await ask(target, 'tools/list');
  expect(result).toMatchObject({ resultType: 'complete', ttlMs: 0, cacheScope: 'private', nextCursor: 'more' });
  expect(JSON.stringify(result)).not.toContain('delete_file');
});

test('a denied call reaches no server', async () => {
  const before = upstream.calls();
  expect((await ask(target, 'tools/call', { params: { name: 'delete_file' } })).error?.data).toMatchObject({ reason: 'blocked_tool' });
  expect(upstream.calls()).toBe(before);
});

describe('what the revision tells by the status', () => {
  test('a method that the server does not know, and one that the revision took out', async () => {
    for (const method of ['vendor/unknown', 'ping', 'tasks/get']) {
      expect(await ask(asking, method)).toMatchObject({ status: 404, id: 'a', error: { code: -32_601 } });
    }
  });

  test('metadata without capabilities', async () => {
    const meta = { 'io.modelcontextprotocol/clientCapabilities': undefined };
    expect(await ask(asking, 'tools/list', { meta })).toMatchObject({ status: 400, error: { code: -32_602 } });
  });
});

describe('a call in rounds', () => {
  const question = { params: { name: 'test_elicitation', arguments: { message: 'who?' } }, capabilities: { elicitation: {} } };
  const retryOf = (state: string | undefined, changes: object = {}) => {
    const inputResponses = { 'question-1': { action: 'accept', content: { username: 'ann' } } };
    return { ...question, id: 'b', params: { ...question.params, inputResponses, requestState: state, ...changes } };
  };

  test('goes on with the state that it was given', async () => {
    const { result } = await ask(asking, 'tools/call', question);
    expect(result).toMatchObject({
      resultType: 'input_required',
      inputRequests: { 'question-1': { method: 'elicitation/create', params: { message: 'who?' } } },
    });
    const answer = await ask(asking, 'tools/call', retryOf(result?.requestState));
    expect(answer).toMatchObject({ id: 'b', result: { resultType: 'complete', content: [{ text: expect.stringContaining('"username":"ann"') }] } });
    expect(JSON.stringify(answer.result)).toContain('accept');
  });

  test('not_bridgeable/round_lost: with a state of somebody else, and with other arguments', async () => {
    const { result } = await ask(asking, 'tools/call', question);
    for (const changes of [{ requestState: 'made-up' }, { arguments: { message: 'what?' } }]) {
      const { status, error } = await ask(asking, 'tools/call', retryOf(result?.requestState, changes));
      expect({ status, ...error?.data }).toMatchObject({ status: 501, code: 'not_bridgeable', reason: 'round_lost' });
    }
  });
});

test('a server that lets go of the stream is asked for the answer later', async () => {
  expect((await ask(asking, 'tools/call', { params: { name: 'test_reconnection', arguments: {} } })).result).toMatchObject({
    resultType: 'complete',
    content: [{ text: 'Reconnection test completed' }],
  });
});

test('a server whose framework answers what it does not know with a page is one with sessions', async () => {
  const server = createServer((request, response) => {
    if (request.headers['mcp-method'] !== undefined) return void response.writeHead(400, { 'content-type': 'text/html' }).end('<h1>Bad Request</h1>');
    const greeting = { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'paged', version: '1' } };
    request.on('data', (chunk: Buffer) => {
      const isGreeting = chunk.includes('"initialize"');
      if (!isGreeting) return void response.writeHead(202).end();
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id: 1, result: greeting }));
    });
  });
  const { origin, close } = await listenOnLoopback(server);
  onTestFinished(close);
  const paged = await planes.governed({ slug: 'paged', endpointUrl: origin });
  expect((await ask(paged, 'server/discover')).result).toMatchObject({ supportedVersions: ['2026-07-28'], capabilities: { tools: {} } });
});

test('a caller who leaves while the tool works is told of to the server', async () => {
  const heard: string[] = [];
  const server = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => {
      const message = z.object({ id: z.unknown().optional(), method: z.string() }).parse(JSON.parse(chunk.toString('utf8')));
      heard.push(`${message.method} ${/"requestId":(\d+)/.exec(chunk.toString('utf8'))?.[1] ?? ''}`.trim());
      if (message.method === 'tools/call') return;
      if (message.method.startsWith('notifications/')) return void response.writeHead(202).end();
      const result = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'hanging', version: '1' } };
      const answer = message.method === 'initialize' ? { result } : { error: { code: -32_601, message: 'unknown' } };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id: message.id, ...answer }));
    });
  });
  const { origin, close } = await listenOnLoopback(server);
  onTestFinished(close);
  const hanging = await planes.governed({ slug: 'hanging', endpointUrl: origin });
  const leaving = new AbortController();
  const call = postModern(hanging, 'tools/call', { params: { name: 'hang' }, signal: leaving.signal });
  await eventually(() => (heard.includes('tools/call') ? true : undefined), 'the call arriving');
  leaving.abort();
  await expect(call).rejects.toThrow();
  await eventually(() => (heard.includes('notifications/cancelled 2') ? true : undefined), 'the server hearing of it');
});

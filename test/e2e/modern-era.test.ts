/** Revision 2026-07-28 through the gateway: no session, headers that repeat the body, and a lost connection that cancels. */
import { once } from 'node:events';
import { get, IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { z } from 'zod';
import { startConformanceFixture, type ConformanceFixture } from '../support/conformance/fixture.ts';
import { startMcpUpstream, type McpUpstream } from '../support/mcp-upstream.ts';
import { postModern, type ModernRequest } from '../support/modern-client.ts';
import { startModernUpstream, type ModernUpstream } from '../support/modern-upstream.ts';
import { startTestPlanes, type TestPlanes } from '../support/planes.ts';
import { eventually } from '../support/processes.ts';

let planes: TestPlanes;
let upstream: ModernUpstream;
let fixture: ConformanceFixture;
let sessions: McpUpstream;
let target: { url: string; apiKey: string };

beforeAll(async () => {
  [planes, upstream, fixture, sessions] = await Promise.all([
    startTestPlanes(),
    startModernUpstream(),
    startConformanceFixture(),
    startMcpUpstream({ sessions: true, streams: true }),
  ]);
  target = await planes.governed({ slug: 'modern', endpointUrl: upstream.url, blockedTools: ['delete_file'] });
}, 120_000);

afterAll(async () => {
  await planes?.close();
  await Promise.all([upstream?.close(), fixture?.close(), sessions?.close()]);
});

const answerSchema = z.object({
  id: z.unknown(),
  result: z.looseObject({}).optional(),
  error: z.object({ code: z.number(), data: z.looseObject({ reason: z.string().optional() }).optional() }).optional(),
});

async function ask(method: string, asked: ModernRequest = {}, at = target) {
  const response = await postModern(at, method, asked);
  return { response, ...answerSchema.parse(await response.json()) };
}

describe('a request that stands alone', () => {
  test('goes up with the headers that repeat its body, and without a session in either direction', async () => {
    const { response, result } = await ask('tools/call', { params: { name: 'echo' }, headers: { 'mcp-session-id': 'stale', 'mcp-param-region': 'eu' } });
    expect(response.status).toBe(200);
    expect(result).toMatchObject({ resultType: 'complete' });
    expect(response.headers.has('mcp-session-id')).toBe(false);
    const headers = upstream.seen.at(-1)?.headers;
    expect(headers).toMatchObject({ 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'echo', 'mcp-param-region': 'eu' });
    expect(headers).not.toHaveProperty('mcp-session-id');
    expect(headers).not.toHaveProperty('authorization');
  });

  test('is recorded with the client and the revision that it names', async () => {
    const { response } = await ask('tools/call', { params: { name: 'echo' } });
    const record = await eventually(async () => {
      const query = 'query($id: String!) { usageRecord(requestId: $id) { clientName clientVersion mcp { protocolVersion } } }';
      const { usageRecord } = await planes.control.admin.query(query, { id: response.headers.get('turnpike-request-id') });
      return usageRecord ?? undefined;
    }, 'the record');
    expect(record).toEqual({ clientName: 'modern-client', clientVersion: '2.1', mcp: { protocolVersion: '2026-07-28' } });
  });

  test('is cancelled at the server when its caller leaves', async () => {
    const before = upstream.cancelled();
    const leaving = new AbortController();
    const answer = postModern(target, 'tools/call', { params: { name: 'hang' }, signal: leaving.signal });
    await eventually(() => (upstream.seen.at(-1)?.body.includes('"hang"') === true ? true : undefined), 'the call arriving');
    leaving.abort();
    await expect(answer).rejects.toThrow();
    expect(await eventually(() => (upstream.cancelled() > before ? true : undefined), 'the server hearing of it')).toBe(true);
  });

  test('has no stream to GET and no session to DELETE', async () => {
    for (const method of ['GET', 'DELETE']) {
      const headers = { authorization: `Bearer ${target.apiKey}`, accept: 'text/event-stream', 'mcp-protocol-version': '2026-07-28' };
      expect((await fetch(target.url, { method, headers })).status).toBe(405);
    }
  });
});

describe('rules judge the body', () => {
  test('a blocked tool is refused, and reaches no server', async () => {
    const before = upstream.seen.length;
    const { id, error } = await ask('tools/call', { params: { name: 'delete_file' } });
    expect({ id, code: error?.code, reason: error?.data?.reason }).toEqual({ id: 'a', code: -33_403, reason: 'blocked_tool' });
    expect(upstream.seen.length).toBe(before);
  });

  test('a blocked tool under the name of an allowed one is refused by the code that the protocol has for it', async () => {
    const before = upstream.seen.length;
    const { response, id, error } = await ask('tools/call', { params: { name: 'delete_file' }, headers: { 'mcp-name': 'echo' } });
    expect({ status: response.status, id, code: error?.code }).toEqual({ status: 400, id: 'a', code: -32_020 });
    expect(upstream.seen.length).toBe(before);
  });

  test('a list without the blocked tool is the caller’s own, and keeps the rest', async () => {
    const { result } = await ask('tools/list');
    expect(result).toMatchObject({ resultType: 'complete', ttlMs: 60_000, cacheScope: 'private', tools: [{ name: 'echo' }, { name: 'hang' }] });
  });

  test('a denial that a model can read is a complete result', async () => {
    const { result } = await ask('tools/call', { params: { name: 'delete_file' }, headers: { 'turnpike-denial-style': 'TOOL_RESULT' } });
    expect(result).toMatchObject({ resultType: 'complete', isError: true });
  });

  test('a revision that is not carried is refused with those that are', async () => {
    const response = await fetch(target.url, {
      method: 'POST',
      headers: { authorization: `Bearer ${target.apiKey}`, 'content-type': 'application/json', 'mcp-protocol-version': '2099-01-01' },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'server/discover',
        params: { _meta: { 'io.modelcontextprotocol/protocolVersion': '2099-01-01' } },
      }),
    });
    expect(response.status).toBe(400);
    const { error } = answerSchema.parse(await response.json());
    expect(error).toMatchObject({ code: -32_022, data: { supported: ['2026-07-28'], requested: '2099-01-01' } });
  });
});

test('what words would refuse is in no list, in either era', async () => {
  const semanticFilter = { blockedKeywords: ['static', 'data'], applyTo: ['REQUEST'], action: 'BLOCK' };
  const at = await planes.governed({ slug: 'worded', endpointUrl: fixture.url, semanticFilter });
  const { result } = await ask('resources/list', {}, at);
  expect(result).toMatchObject({ cacheScope: 'private', resources: [{ uri: 'test://watched-resource' }] });
  expect(await ask('resources/templates/list', {}, at)).toMatchObject({ result: { cacheScope: 'private', resourceTemplates: [] } });
  const response = await fetch(at.url, {
    method: 'POST',
    headers: { authorization: `Bearer ${at.apiKey}`, 'content-type': 'application/json', accept: 'application/json' },
    body: '{"jsonrpc":"2.0","id":1,"method":"resources/list"}',
  });
  const legacy = answerSchema.parse(await response.json());
  expect(legacy.result?.['resources']).toMatchObject([{ uri: 'test://watched-resource' }]);
});

test('a page that was led to this machine under a name of its own gets nowhere, with or without an origin', async () => {
  const { hostname, port, pathname } = new URL(target.url);
  const headers = { host: 'rebound.example', authorization: `Bearer ${target.apiKey}`, accept: 'text/event-stream' };
  const [response] = z.tuple([z.instanceof(IncomingMessage)]).parse(await once(get({ hostname, port, path: pathname, headers }), 'response'));
  expect({ status: response.statusCode, denial: response.headers['turnpike-denial'] }).toEqual({
    status: 403,
    denial: 'mcp_not_allowed; reason=host_not_allowed; status=403',
  });
  response.destroy();
});

test('a stream that listens leaves room for calls, tells of changes, and ends with its caller', async () => {
  const policy = { policies: { ratelimit: { concurrency: { max: 1 } } } };
  const at = await planes.governed({ slug: 'listened', endpointUrl: fixture.url, policy });
  const leaving = new AbortController();
  const stream = await postModern(at, 'subscriptions/listen', { params: { notifications: { toolsListChanged: true } }, signal: leaving.signal });
  const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
  const nextEvent = async () => (await reader?.read())?.value ?? '';
  expect(await nextEvent()).toContain('notifications/subscriptions/acknowledged');
  expect((await ask('tools/call', { params: { name: 'test_trigger_tool_change' } }, at)).response.status).toBe(200);
  expect(await nextEvent()).toContain('notifications/tools/list_changed');
  leaving.abort();
  const record = await eventually(async () => {
    const query = 'query($id: String!) { usageRecord(requestId: $id) { status denial { code } } }';
    const { usageRecord } = await planes.control.admin.query(query, { id: stream.headers.get('turnpike-request-id') });
    return usageRecord ?? undefined;
  }, 'the record of the stream');
  expect(record).toEqual({ status: 499, denial: null });
});

test('a probe is never refused for its rate, and takes no other message along', async () => {
  const policy = { policies: { ratelimit: { requests: { per_minute: 1 } } } };
  const { url, apiKey } = await planes.governed({ slug: 'probed', endpointUrl: sessions.url, policy });
  const probe = '{"jsonrpc":"2.0","id":1,"method":"server/discover"}';
  const send = async (body: string) => {
    const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', accept: 'application/json' };
    const response = await fetch(url, { method: 'POST', headers, body });
    await response.arrayBuffer();
    return response.status;
  };
  const batch = `[${probe},{"jsonrpc":"2.0","id":2,"method":"ping"}]`;
  await send(batch);
  expect(await send(batch)).toBe(429);
  expect(await send(probe)).toBe(200);
});

describe('a client that speaks both eras', () => {
  async function connect(url: string, apiKey: string): Promise<Client> {
    const client = new Client({ name: 'dual', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } });
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { authorization: `Bearer ${apiKey}` } } }));
    return client;
  }

  test('finds the modern one through the gateway', async () => {
    const { url, apiKey } = await planes.governed({ slug: 'both-eras', endpointUrl: fixture.url });
    const client = await connect(url, apiKey);
    expect(client.getNegotiatedProtocolVersion()).toBe('2026-07-28');
    const answer = await client.callTool({ name: 'test_simple_text' });
    expect(answer.content).toEqual([{ type: 'text', text: 'This is a simple text response for testing.' }]);
    await client.close();
  });
});

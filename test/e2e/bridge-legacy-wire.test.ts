/** What a client of the revisions with sessions sees on the wire of a server that knows only 2026-07-28, and that server of it. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { startConformanceFixture, type ConformanceFixture } from '../support/conformance/fixture.ts';
import { listenOnLoopback, type Loopback } from '../support/loopback.ts';
import { startTestPlanes, type TestPlanes } from '../support/planes.ts';

const RESULT = '{"resultType":"complete","content":[],"big":12345678901234567890,"exact":1.0,"huge":1e400,"text":"\\u0041\\/"}';
const DISCOVERED = '{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}';

let planes: TestPlanes;
let both: ConformanceFixture;
let modern: ConformanceFixture;
let exact: Loopback;
const seen: { headers: IncomingHttpHeaders; body: string }[] = [];
let target: { url: string; apiKey: string };

/** Answers a call with numbers that a parser would lose, and whatever it does not know as the revision demands. */
async function startExactServer(): Promise<Loopback> {
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      seen.push({ headers: request.headers, body });
      const { id, method } = z.object({ id: z.unknown(), method: z.string() }).parse(JSON.parse(body));
      const result = method === 'server/discover' ? DISCOVERED : method === 'tools/call' ? RESULT : undefined;
      response.setHeader('content-type', 'application/json');
      if (result !== undefined && body.includes('io.modelcontextprotocol/protocolVersion')) {
        return response.end(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}`);
      }
      response.statusCode = 404;
      return response.end(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"error":{"code":-32601,"message":"no such method"}}`);
    });
  });
  return listenOnLoopback(server);
}

beforeAll(async () => {
  [planes, both, modern, exact] = await Promise.all([
    startTestPlanes(),
    startConformanceFixture(),
    startConformanceFixture({ era: 'modern' }),
    startExactServer(),
  ]);
  target = await planes.governed({ slug: 'exact', endpointUrl: `${exact.origin}/mcp`, blockedTools: ['blocked'] });
}, 120_000);

afterAll(async () => {
  await planes?.close();
  await Promise.all([both?.close(), modern?.close(), exact?.close()]);
});

interface Sending {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly at?: typeof target;
}

async function send(body: string | undefined, { method = 'POST', headers = {}, at = target }: Sending = {}) {
  const response = await fetch(at.url, {
    method,
    headers: { authorization: `Bearer ${at.apiKey}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
    ...(body === undefined ? {} : { body }),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

const INITIALIZE =
  '{"jsonrpc":"2.0","id":"i","method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{"roots":{}},"clientInfo":{"name":"wire","version":"1"}}}';
const CALL = '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo","arguments":{"n":1e400}}}';

async function open(at = target): Promise<Record<string, string>> {
  const { headers } = await send(INITIALIZE, { at });
  return { 'mcp-session-id': headers.get('mcp-session-id') ?? '', 'mcp-protocol-version': '2025-06-18' };
}

describe('a session', () => {
  test('begins with an answer of its own revision and an id of the gateway', async () => {
    const { status, headers, text: body } = await send(INITIALIZE);
    expect(status).toBe(200);
    expect(headers.get('mcp-session-id')).toMatch(/^[\x21-\x7e]+$/);
    expect(JSON.parse(body)).toEqual({
      jsonrpc: '2.0',
      id: 'i',
      result: { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 'exact', version: 'unknown' } },
    });
    expect(await send('{"jsonrpc":"2.0","method":"notifications/initialized"}', { headers: await open() })).toMatchObject({ status: 202, text: '' });
  });

  test('carries calls and results byte for byte, with what the server must know of the client', async () => {
    const headers = await open();
    expect((await send(CALL, { headers })).text).toBe(`{"jsonrpc":"2.0","id":7,"result":${RESULT}}`);
    const sent = seen.at(-1);
    expect(sent?.headers).toMatchObject({ 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'echo' });
    expect(sent?.headers['mcp-session-id']).toBeUndefined();
    expect(sent?.body).toContain('"arguments":{"n":1e400}');
    expect(sent?.body).toContain('"io.modelcontextprotocol/clientInfo":{"name":"wire","version":"1"}');
    expect(sent?.body).toContain('"io.modelcontextprotocol/clientCapabilities":{"roots":{}}');
  });

  test('is governed like every other', async () => {
    const calls = seen.length;
    const { text: body } = await send(CALL.replace('echo', 'blocked'), { headers: await open() });
    expect(JSON.parse(body)).toMatchObject({ id: 7, error: { data: { reason: 'blocked_tool' } } });
    expect(seen.slice(calls).filter(({ body: sent }) => sent.includes('tools/call'))).toEqual([]);
  });

  test('has errors with status 200, and refusals of the bridge as the gateway writes them', async () => {
    const headers = await open();
    const unknown = await send('{"jsonrpc":"2.0","id":7,"method":"vendor/unknown"}', { headers });
    expect(unknown).toMatchObject({ status: 200, text: '{"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"no such method"}}' });
    const tasks = await send('{"jsonrpc":"2.0","id":7,"method":"tasks/list"}', { headers });
    expect(JSON.parse(tasks.text)).toMatchObject({ id: 7, error: { code: -32_601, data: { code: 'not_bridgeable', reason: 'method_without_counterpart' } } });
  });

  test('ends with DELETE and is unknown from then on', async () => {
    const headers = await open();
    expect(await send(undefined, { method: 'DELETE', headers })).toMatchObject({ status: 200 });
    expect(await send(CALL, { headers })).toMatchObject({ status: 404 });
  });

  test('belongs to its key', async () => {
    const headers = await open();
    const other = await planes.governed({ slug: 'exact-too', endpointUrl: `${exact.origin}/mcp` });
    expect(await send(CALL, { headers, at: { ...target, apiKey: other.apiKey } })).toMatchObject({ status: 403 });
    expect(await send(CALL, { headers, at: other })).toMatchObject({ status: 404 });
  });
});

test('a single curl is answered, the first time and every other', async () => {
  const at = await planes.governed({ slug: 'curl', endpointUrl: modern.url, blockedTools: ['test_image_content'] });
  for (let time = 0; time < 2; time++) {
    const { status, headers, text: body } = await send('{"jsonrpc":"2.0","id":1,"method":"tools/list"}', { headers: { accept: '*/*' }, at });
    expect({ status, session: headers.get('mcp-session-id') }).toEqual({ status: 200, session: null });
    expect(body).toContain('"test_simple_text"');
    expect(body).not.toContain('"test_image_content"');
  }
  expect(await send('{"jsonrpc":"2.0","id":1,"method":"ping"}', { at })).toMatchObject({ text: '{"jsonrpc":"2.0","id":1,"result":{}}' });
});

test('a server of both eras is spoken to as its caller speaks', async () => {
  const at = await planes.governed({ slug: 'both', endpointUrl: both.url });
  const headers = await open(at);
  const { text: body } = await send('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"test_simple_text"}}', { headers, at });
  expect(body).toContain('This is a simple text response');
  expect(body).not.toContain('resultType');
});

/** One governed call, end to end: both planes as programs, real PostgreSQL, real Redis, real MCP clients and servers. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client';
import { z } from 'zod';
import { mintToken } from '../../shared/token.ts';
import { GatewayClient, listTools, refusalOf, toolCall } from '../support/gateway-client.ts';
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

beforeAll(async () => {
  [database, redis, upstream] = await Promise.all([startTestPostgres(), startTestRedis(), startMcpUpstream()]);
  stack = await startStack({ databaseUrl: database.url, redisUrl: redis.url });
  gateway = new GatewayClient(stack.gatewayUrl);
}, 120_000);

afterAll(async () => {
  await stack?.close();
  await Promise.all([upstream?.close(), redis?.stop(), database?.stop()]);
});

interface Governed {
  readonly serverId: string;
  readonly slug: string;
  readonly keyId: string;
  readonly key: string;
  readonly grantId: string;
}

let counter = 0;

/** A server on the test upstream, a key and the grant between them, in force. */
async function governed(server: Record<string, unknown> = {}, key: Record<string, unknown> = {}): Promise<Governed> {
  const slug = `server-${++counter}`;
  const created = await stack.admin.createServer({ name: slug, slug, transport: 'STREAMABLE_HTTP', endpointUrl: upstream.url, ...server });
  const apiKey = await stack.admin.createApiKey(key);
  const grantId = await stack.admin.grant(apiKey.id, created.id);
  await stack.settled();
  return { serverId: created.id, slug, keyId: apiKey.id, key: apiKey.secret, grantId };
}

const recordSchema = z.object({
  status: z.number(),
  decision: z.string(),
  denial: z.object({ code: z.string(), reason: z.string() }).nullable(),
  cost: z.object({ nanosUsd: z.string() }),
  inputBytes: z.string(),
  outputBytes: z.string(),
  mcp: z.object({ serverSlug: z.string(), rpcMethod: z.string().nullable(), tool: z.string().nullable() }),
});

function recordOf(requestId: string): Promise<z.infer<typeof recordSchema>> {
  return eventually(async () => {
    const { usageRecord } = await stack.admin.query(
      'query($id: String!) { usageRecord(requestId: $id) { status decision denial { code reason } cost { nanosUsd } inputBytes outputBytes mcp { serverSlug rpcMethod tool } } }',
      { id: requestId },
    );
    return usageRecord === null ? undefined : recordSchema.parse(usageRecord);
  }, `the record of ${requestId}`);
}

describe('what goes through', () => {
  test('a tool call answers byte for byte what the server answers, and is recorded with its exact cost', async () => {
    const { slug, key, serverId } = await governed();
    await stack.admin.mutate(
      'setPricing',
      'SetPricingInput',
      { serverId, pricing: { usdPerMillionCalls: '2.00', usdPerMillionInputBytes: '0.50', usdPerMillionOutputBytes: '1.00' } },
      'server { id }',
    );
    await stack.settled();
    const body = toolCall('echo', { message: 'héllo \u2028 😀' });
    const direct = await (await fetch(upstream.url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).text();
    const answer = await gateway.send(slug, { key, body });
    expect(answer.status).toBe(200);
    expect(answer.text).toBe(direct);
    const record = await recordOf(answer.headers.get('turnpike-request-id') ?? '');
    const [inputBytes, outputBytes] = [Buffer.byteLength(body), Buffer.byteLength(direct)];
    expect(record).toMatchObject({ status: 200, decision: 'ALLOWED', denial: null, inputBytes: String(inputBytes), outputBytes: String(outputBytes) });
    expect(record.cost.nanosUsd).toBe(String(2000 + 500 * inputBytes + 1000 * outputBytes));
    expect(record.mcp).toEqual({ serverSlug: slug, rpcMethod: 'tools/call', tool: 'echo' });
  });

  test('the bytes of the request reach the server as they were sent', async () => {
    const { slug, key } = await governed();
    const body =
      ' {"jsonrpc" : "2.0","id":12345678901234567890,"method":"tools/call","params":{"name":"echo","arguments":{"message":"\\u0041","n":1.0,"big":-0}}}\n';
    const answer = await gateway.send(slug, { key, body });
    expect(answer.status).toBe(200);
    expect(upstream.seen.at(-1)?.body).toBe(body);
  });

  test("the caller's key, cookies and forwarding headers stay behind, and the server's own credential is sent", async () => {
    const { slug, key } = await governed({ auth: { bearer: { token: 'upstream-secret-token' } } });
    await gateway.send(slug, { key, headers: { cookie: 'session=1', 'x-forwarded-for': '10.0.0.1', 'x-api-key': key } });
    const headers = upstream.seen.at(-1)?.headers ?? {};
    expect(headers['authorization']).toBe('Bearer upstream-secret-token');
    expect(JSON.stringify(headers)).not.toContain(key);
    expect(headers['cookie']).toBeUndefined();
    expect(headers['x-forwarded-for']).toBeUndefined();
    expect(headers.host).toBe(new URL(upstream.url).host);
  });

  test.each(['JSON', 'event stream'])(
    'a caller without a session is lent one by the gateway, and reads JSON from a server that answers as %s',
    async (form) => {
      const strict = await startMcpUpstream({ sessions: true, streams: form === 'event stream' });
      try {
        const { slug, key } = await governed({ endpointUrl: strict.url });
        const answers = await Promise.all([1, 2, 3].map((id) => gateway.send(slug, { key, body: listTools(id), headers: { accept: '*/*' } })));
        for (const answer of answers) {
          expect(answer.status).toBe(200);
          expect(JSON.parse(answer.text)).toMatchObject({ jsonrpc: '2.0', result: { nextCursor: 'more' } });
        }
        expect(strict.seen.filter(({ body }) => body.includes('"initialize"'))).toHaveLength(1);
      } finally {
        await strict.close();
      }
    },
  );

  test.each(['1.32', '2.x'])('client SDK %s sees the same tools and results through the gateway as directly', async (major) => {
    const strict = await startMcpUpstream({ sessions: true, streams: true });
    try {
      const { slug, key } = await governed({ endpointUrl: strict.url });
      const talk = major === '2.x' ? talkV2 : talkV1;
      const direct = await talk(strict.url, {});
      const governedTalk = await talk(`${stack.gatewayUrl}/v1/mcp/${slug}`, { authorization: `Bearer ${key}` });
      expect(governedTalk).toEqual(direct);
    } finally {
      await strict.close();
    }
  });

  test('a session belongs to the key that opened it', async () => {
    const strict = await startMcpUpstream({ sessions: true });
    try {
      const mine = await governed({ endpointUrl: strict.url });
      const other = await stack.admin.createApiKey();
      await stack.admin.grant(other.id, mine.serverId);
      await stack.settled();
      const initialize = JSON.stringify({
        jsonrpc: '2.0',
        id: 0,
        method: 'initialize',
        params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } },
      });
      const session = (await gateway.send(mine.slug, { key: mine.key, body: initialize })).headers.get('mcp-session-id') ?? '';
      expect(session).not.toBe('');
      expect((await gateway.send(mine.slug, { key: mine.key, headers: { 'mcp-session-id': session } })).status).toBe(200);
      const stolen = await gateway.send(mine.slug, { key: other.secret, headers: { 'mcp-session-id': session } });
      expect(stolen.status).toBe(404);
      expect(refusalOf(stolen).data.reason).toBe('unknown_session');
    } finally {
      await strict.close();
    }
  });
});

async function talkV1(url: string, headers: Record<string, string>): Promise<unknown> {
  const client = new ClientV1({ name: 'test', version: '1.0.0' });
  await client.connect(new TransportV1(new URL(url), { requestInit: { headers } }));
  const seen = [await client.listTools(), await client.callTool({ name: 'echo', arguments: { message: 'hello' } })];
  await client.close();
  return seen;
}

async function talkV2(url: string, headers: Record<string, string>): Promise<unknown> {
  const client = new ClientV2({ name: 'test', version: '1.0.0' });
  await client.connect(new TransportV2(new URL(url), { requestInit: { headers } }));
  const seen = [await client.listTools(), await client.callTool({ name: 'echo', arguments: { message: 'hello' } })];
  await client.close();
  return seen;
}

describe('what is refused, with its body, its record, and nothing sent upstream', () => {
  async function expectRefusal(slug: string, call: Parameters<GatewayClient['send']>[1], status: number, code: string, reason: string): Promise<void> {
    const before = upstream.seen.length;
    const answer = await gateway.send(slug, call);
    expect(answer.status).toBe(status);
    const refusal = refusalOf(answer);
    expect(refusal.code).toBe(-33000 - status);
    expect(refusal.data).toMatchObject({ code, reason, status });
    expect(answer.headers.get('turnpike-denial')).toBe(`${code}; reason=${reason}; status=${status}`);
    expect(upstream.seen.length).toBe(before);
    if (call.key === undefined || reason === 'unknown_key') return;
    const record = await recordOf(refusal.data.requestId);
    expect(record).toMatchObject({ status, decision: 'DENIED', denial: { reason }, cost: { nanosUsd: '0' } });
  }

  test('unauthorized: no key, a malformed one, an unknown one', async () => {
    const { slug, key } = await governed();
    await expectRefusal(slug, {}, 401, 'unauthorized', 'missing_key');
    await expectRefusal(slug, { headers: { 'x-api-key': 'nonsense' } }, 401, 'unauthorized', 'malformed_key');
    for (const kind of ['adminToken', 'dataPlaneToken', 'invitation', 'session'] as const)
      await expectRefusal(slug, { headers: { 'x-api-key': mintToken(kind).token } }, 401, 'unauthorized', 'malformed_key');
    await expectRefusal(slug, { key: `${key.slice(0, -1)}${key.endsWith('a') ? 'b' : 'a'}` }, 401, 'unauthorized', 'unknown_key');
  });

  test('unauthorized: an expired key and a revoked one, each with its reason', async () => {
    const soon = new Date(Date.now() + 1500).toISOString();
    const expiring = await governed({}, { expiresAt: soon });
    await eventually(async () => ((await gateway.send(expiring.slug, { key: expiring.key })).status === 401 ? true : undefined), 'the key expiring');
    await expectRefusal(expiring.slug, { key: expiring.key }, 401, 'unauthorized', 'expired_key');
    const revoked = await governed();
    await stack.admin.mutate('revokeApiKey', 'IdInput', { id: revoked.keyId }, 'apiKey { id }');
    await stack.settled();
    await expectRefusal(revoked.slug, { key: revoked.key }, 401, 'unauthorized', 'revoked_key');
  });

  test('mcp_not_found: an unknown server and a disabled one', async () => {
    const { key, slug, serverId } = await governed();
    await expectRefusal('no-such-server', { key }, 404, 'mcp_not_found', 'unknown_server');
    await stack.admin.mutate('setServerEnabled', 'SetEnabledInput', { id: serverId, enabled: false }, 'server { enabled }');
    await stack.settled();
    await expectRefusal(slug, { key }, 404, 'mcp_not_found', 'server_disabled');
  });

  test('mcp_not_allowed: without a grant, and again when the grant is removed', async () => {
    const mine = await governed();
    const stranger = await stack.admin.createApiKey();
    await stack.settled();
    await expectRefusal(mine.slug, { key: stranger.secret }, 403, 'mcp_not_allowed', 'no_grant');
    expect((await gateway.send(mine.slug, { key: mine.key })).status).toBe(200);
    await stack.admin.mutate('setGrants', 'SetGrantsInput', { remove: [mine.grantId] }, 'removedIds');
    await stack.settled();
    await expectRefusal(mine.slug, { key: mine.key }, 403, 'mcp_not_allowed', 'no_grant');
  });

  test('mcp_not_allowed: an address on the blocklist, one that is not on the allowlist, and a foreign origin', async () => {
    const blocked = await governed({ policy: { policies: { ip: { blocklist: ['127.0.0.0/8'] } } } });
    await expectRefusal(blocked.slug, { key: blocked.key }, 403, 'mcp_not_allowed', 'ip_blocked');
    const listed = await governed({ policy: { policies: { ip: { allowlist: ['10.0.0.0/8'] } } } });
    await expectRefusal(listed.slug, { key: listed.key }, 403, 'mcp_not_allowed', 'ip_not_allowed');
    const { slug, key } = await governed();
    await expectRefusal(slug, { key, headers: { origin: 'https://evil.example' } }, 403, 'mcp_not_allowed', 'origin_not_allowed');
  });

  test('mcp_guardrail_block: a blocked tool, one that is not allowed, and a keyword', async () => {
    const { slug, key } = await governed({
      blockedTools: ['delete_file'],
      semanticFilter: { blockedKeywords: ['private key'], applyTo: ['REQUEST'], action: 'BLOCK' },
    });
    await expectRefusal(slug, { key, body: toolCall('delete_file') }, 403, 'mcp_guardrail_block', 'blocked_tool');
    await expectRefusal(
      slug,
      { key, body: toolCall('echo', { message: 'my PRIVATE\\u0020KEY'.replace('\\u0020', ' ') }) },
      403,
      'mcp_guardrail_block',
      'semantic_filter',
    );
    const narrow = await governed({ allowedTools: ['echo'] });
    await expectRefusal(narrow.slug, { key: narrow.key, body: toolCall('slow') }, 403, 'mcp_guardrail_block', 'tool_not_allowed');
  });

  test('payload_too_large, unsupported_media_type and method_not_allowed', async () => {
    const { slug, key } = await governed({ policy: { policies: { ratelimit: { payload: { max_request_bytes: 500 } } } } });
    await expectRefusal(slug, { key, body: toolCall('echo', { message: 'x'.repeat(600) }) }, 413, 'payload_too_large', 'request_too_large');
    await expectRefusal(slug, { key, headers: { 'content-type': 'text/plain' } }, 415, 'unsupported_media_type', 'unsupported_media_type');
    await expectRefusal(slug, { key, method: 'PUT' }, 405, 'method_not_allowed', 'method_not_allowed');
  });

  test('rate_limit_exceeded: one more than a minute allows, with Retry-After', async () => {
    const { slug, key } = await governed({ policy: { policies: { ratelimit: { requests: { per_minute: 3 } } } } });
    for (let index = 0; index < 3; index++) expect((await gateway.send(slug, { key })).status).toBe(200);
    await expectRefusal(slug, { key }, 429, 'rate_limit_exceeded', 'request_rate');
    const answer = await gateway.send(slug, { key });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  test('invalid_request: what two parsers could read differently, and every trick to hide a blocked tool', async () => {
    const { slug, key } = await governed({ blockedTools: ['delete_file'] });
    const tricks: [string | Uint8Array, string][] = [
      ['{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"delete_file"}}', 'ambiguous_json'],
      ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"},"params":{"name":"delete_file"}}', 'ambiguous_json'],
      ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","name":"delete_file"}}', 'ambiguous_json'],
      ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","n\\u0061me":"delete_file"}}', 'ambiguous_json'],
      ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","Name":"delete_file"}}', 'ambiguous_json'],
      ['{"jsonrpc":"2.0","id":1,"method":"tools/call","Method":"ping","params":{"name":"echo"}}', 'ambiguous_json'],
      ['{"jsonrpc":"2.0","id":1,"method":"tools/call","param\u017f":{"name":"delete_file"},"params":{"name":"echo"}}', 'ambiguous_json'],
      [Buffer.from('7b226a736f6e727063223a22322e30222c226964223a312c226d6574686f64223a22ff227d', 'hex'), 'invalid_json'],
      ['{"jsonrpc":"2.0","id":1', 'invalid_json'],
      ['[]', 'invalid_jsonrpc'],
    ];
    for (const [body, reason] of tricks) await expectRefusal(slug, { key, body }, 400, 'invalid_request', reason);
    const before = upstream.seen.length;
    const batch = await gateway.send(slug, { key, body: `[${toolCall('echo', {}, 1)},${toolCall('delete_file', {}, 2)}]` });
    expect([400, 403]).toContain(batch.status);
    for (const name of ['DELETE_FILE', 'delete_file ', 'delete\u200b_file', 'ｄelete_file']) {
      expect((await gateway.send(slug, { key, body: toolCall(name) })).status).toBe(403);
    }
    expect(upstream.seen.length).toBe(before);
  });

  test('a refusal of a call reaches an MCP client as a typed error, not as a broken transport', async () => {
    const { slug, key } = await governed({ blockedTools: ['delete_file'] });
    const client = new ClientV1({ name: 'test', version: '1.0.0' });
    await client.connect(new TransportV1(new URL(`${stack.gatewayUrl}/v1/mcp/${slug}`), { requestInit: { headers: { authorization: `Bearer ${key}` } } }));
    await expect(client.callTool({ name: 'delete_file' })).rejects.toMatchObject({ code: -33403, data: { reason: 'blocked_tool' } });
    await client.close();
  });

  test('the denial style can be asked for: a tool result that a model can read', async () => {
    const { slug, key } = await governed({ blockedTools: ['delete_file'] });
    const answer = await gateway.send(slug, { key, body: toolCall('delete_file', {}, 'x'), headers: { 'turnpike-denial-style': 'TOOL_RESULT' } });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({
      id: 'x',
      result: { isError: true, content: [{ type: 'text', text: expect.stringContaining("'delete_file' is blocked") }] },
    });
    expect(answer.headers.get('turnpike-denial')).toContain('status=403');
  });
});

test.each([false, true])('a blocked tool is gone from tools/list, and nothing else changes (event stream: %s)', async (streams) => {
  const server = await startMcpUpstream({ streams });
  try {
    const { slug, key } = await governed({ endpointUrl: server.url, blockedTools: ['delete_file'] });
    const headers = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };
    const direct = await (await fetch(server.url, { method: 'POST', headers, body: listTools() })).text();
    const answer = await gateway.send(slug, { key, body: listTools(), headers });
    const expected = JSON.parse(dataOf(direct));
    expected.result.tools = expected.result.tools.filter(({ name }: { name: string }) => name !== 'delete_file');
    expect(JSON.parse(dataOf(answer.text))).toEqual(expected);
  } finally {
    await server.close();
  }
});

function dataOf(text: string): string {
  // Not `.`, which ends at U+2028 too.
  return /^data: ([^\n]*)$/m.exec(text)?.[1] ?? text;
}

test('1,000 simultaneous calls against 300 a minute: exactly 300 are admitted', async () => {
  const { slug, key } = await governed({ policy: { policies: { ratelimit: { requests: { per_minute: 300 } } } } });
  const statuses = await Promise.all(Array.from({ length: 1000 }, async (_, id) => (await gateway.send(slug, { key, body: toolCall('echo', {}, id) })).status));
  expect(statuses.filter((status) => status === 200)).toHaveLength(300);
  expect(statuses.filter((status) => status === 429)).toHaveLength(700);
});

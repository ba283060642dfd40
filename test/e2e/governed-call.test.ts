/** One governed call, end to end: both planes as programs, real PostgreSQL, real Redis, real MCP clients and servers. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client';
import { z } from 'zod';
import { listTools, refusalOf, toolCall } from '../support/gateway-client.ts';
import { GOVERNED_STACK_MILLIS, startGovernedStack, type GovernedStack } from '../support/governed-stack.ts';
import { startMcpUpstream } from '../support/mcp-upstream.ts';

let stack: GovernedStack;

beforeAll(async () => {
  stack = await startGovernedStack();
}, GOVERNED_STACK_MILLIS);
afterAll(() => stack?.close());

const recordSchema = z.object({
  status: z.number(),
  decision: z.string(),
  denial: z.null(),
  cost: z.object({ nanosUsd: z.string() }),
  inputBytes: z.string(),
  outputBytes: z.string(),
  mcp: z.object({ serverSlug: z.string(), rpcMethod: z.string(), tool: z.string() }),
});
const RECORD = 'status decision denial { code } cost { nanosUsd } inputBytes outputBytes mcp { serverSlug rpcMethod tool }';

describe('what goes through', () => {
  test('a tool call answers byte for byte what the server answers, and is recorded with its exact cost', async () => {
    const { slug, key, serverId } = await stack.governed();
    await stack.admin.mutate(
      'setPricing',
      'SetPricingInput',
      { serverId, pricing: { usdPerMillionCalls: '2.00', usdPerMillionInputBytes: '0.50', usdPerMillionOutputBytes: '1.00' } },
      'server { id }',
    );
    await stack.settled();
    const body = toolCall('echo', { message: 'héllo \u2028 😀' });
    const direct = await (await fetch(stack.upstream.url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).text();
    const answer = await stack.gateway.send(slug, { key, body });
    expect(answer.status).toBe(200);
    expect(answer.text).toBe(direct);
    const record = await stack.recordOf(answer.headers.get('turnpike-request-id') ?? '', RECORD, recordSchema);
    const [inputBytes, outputBytes] = [Buffer.byteLength(body), Buffer.byteLength(direct)];
    expect(record).toMatchObject({ status: 200, decision: 'ALLOWED', denial: null, inputBytes: String(inputBytes), outputBytes: String(outputBytes) });
    expect(record.cost.nanosUsd).toBe(String(2000 + 500 * inputBytes + 1000 * outputBytes));
    expect(record.mcp).toEqual({ serverSlug: slug, rpcMethod: 'tools/call', tool: 'echo' });
  });

  test('the bytes of the request reach the server as they were sent', async () => {
    const { slug, key } = await stack.governed();
    const body =
      ' {"jsonrpc" : "2.0","id":12345678901234567890,"method":"tools/call","params":{"name":"echo","arguments":{"message":"\\u0041","n":1.0,"big":-0}}}\n';
    const answer = await stack.gateway.send(slug, { key, body });
    expect(answer.status).toBe(200);
    expect(stack.upstream.seen.at(-1)?.body).toBe(body);
  });

  test("the caller's key, cookies and forwarding headers stay behind, and the server's own credential is sent", async () => {
    const { slug, key } = await stack.governed({ auth: { bearer: { token: 'upstream-secret-token' } } });
    await stack.gateway.send(slug, { key, headers: { cookie: 'session=1', 'x-forwarded-for': '10.0.0.1', 'x-api-key': key } });
    const headers = stack.upstream.seen.at(-1)?.headers ?? {};
    expect(headers['authorization']).toBe('Bearer upstream-secret-token');
    expect(JSON.stringify(headers)).not.toContain(key);
    expect(headers['cookie']).toBeUndefined();
    expect(headers['x-forwarded-for']).toBeUndefined();
    expect(headers.host).toBe(new URL(stack.upstream.url).host);
  });

  test.each(['JSON', 'event stream'])(
    'a caller without a session is lent one by the gateway, and reads JSON from a server that answers as %s',
    async (form) => {
      const strict = await startMcpUpstream({ sessions: true, streams: form === 'event stream' });
      try {
        const { slug, key } = await stack.governed({ endpointUrl: strict.url });
        const answers = await Promise.all([1, 2, 3].map((id) => stack.gateway.send(slug, { key, body: listTools(id), headers: { accept: '*/*' } })));
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
      const { slug, key } = await stack.governed({ endpointUrl: strict.url });
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
      const mine = await stack.governed({ endpointUrl: strict.url });
      const other = await stack.admin.createApiKey();
      await stack.admin.grant(other.id, mine.serverId);
      await stack.settled();
      const initialize = JSON.stringify({
        jsonrpc: '2.0',
        id: 0,
        method: 'initialize',
        params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } },
      });
      const session = (await stack.gateway.send(mine.slug, { key: mine.key, body: initialize })).headers.get('mcp-session-id') ?? '';
      expect(session).not.toBe('');
      expect((await stack.gateway.send(mine.slug, { key: mine.key, headers: { 'mcp-session-id': session } })).status).toBe(200);
      const stolen = await stack.gateway.send(mine.slug, { key: other.secret, headers: { 'mcp-session-id': session } });
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

test.each([false, true])('a blocked tool is gone from tools/list, and nothing else changes (event stream: %s)', async (streams) => {
  const server = await startMcpUpstream({ streams });
  try {
    const { slug, key } = await stack.governed({ endpointUrl: server.url, blockedTools: ['delete_file'] });
    const headers = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };
    const direct = await (await fetch(server.url, { method: 'POST', headers, body: listTools() })).text();
    const answer = await stack.gateway.send(slug, { key, body: listTools(), headers });
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
  const { slug, key } = await stack.governed({ policy: { policies: { ratelimit: { requests: { per_minute: 300 } } } } });
  const statuses = await Promise.all(
    Array.from({ length: 1000 }, async (_, id) => (await stack.gateway.send(slug, { key, body: toolCall('echo', {}, id) })).status),
  );
  expect(statuses.filter((status) => status === 200)).toHaveLength(300);
  expect(statuses.filter((status) => status === 429)).toHaveLength(700);
});

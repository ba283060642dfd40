/** What is refused, end to end: with its body, its record, and nothing sent to the server. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { z } from 'zod';
import { mintToken } from '../../shared/token.ts';
import { refusalOf, toolCall, type GatewayClient } from '../support/gateway-client.ts';
import { GOVERNED_STACK_MILLIS, startGovernedStack, type GovernedStack } from '../support/governed-stack.ts';
import { eventually } from '../support/processes.ts';

let stack: GovernedStack;

beforeAll(async () => {
  stack = await startGovernedStack();
}, GOVERNED_STACK_MILLIS);
afterAll(() => stack?.close());

const recordSchema = z.object({
  status: z.number(),
  decision: z.string(),
  denial: z.object({ code: z.string(), reason: z.string() }),
  cost: z.object({ nanosUsd: z.string() }),
});
const RECORD = 'status decision denial { code reason } cost { nanosUsd }';

async function expectRefusal(slug: string, call: Parameters<GatewayClient['send']>[1], status: number, code: string, reason: string): Promise<void> {
  const before = stack.upstream.seen.length;
  const answer = await stack.gateway.send(slug, call);
  expect(answer.status).toBe(status);
  const refusal = refusalOf(answer);
  expect(refusal.code).toBe(-33000 - status);
  expect(refusal.data).toMatchObject({ code, reason, status });
  expect(answer.headers.get('turnpike-denial')).toBe(`${code}; reason=${reason}; status=${status}`);
  expect(stack.upstream.seen.length).toBe(before);
  if (call.key === undefined || reason === 'unknown_key') return;
  const record = await stack.recordOf(refusal.data.requestId, RECORD, recordSchema);
  expect(record).toMatchObject({ status, decision: 'DENIED', denial: { reason }, cost: { nanosUsd: '0' } });
}

test('unauthorized: no key, a malformed one, an unknown one', async () => {
  const { slug, key } = await stack.governed();
  await expectRefusal(slug, {}, 401, 'unauthorized', 'missing_key');
  await expectRefusal(slug, { headers: { 'x-api-key': 'nonsense' } }, 401, 'unauthorized', 'malformed_key');
  for (const kind of ['adminToken', 'dataPlaneToken', 'invitation', 'session'] as const)
    await expectRefusal(slug, { headers: { 'x-api-key': mintToken(kind).token } }, 401, 'unauthorized', 'malformed_key');
  await expectRefusal(slug, { key: `${key.slice(0, -1)}${key.endsWith('a') ? 'b' : 'a'}` }, 401, 'unauthorized', 'unknown_key');
});

test('unauthorized: an expired key and a revoked one, each with its reason', async () => {
  const soon = new Date(Date.now() + 1500).toISOString();
  const expiring = await stack.governed({}, { expiresAt: soon });
  await eventually(async () => ((await stack.gateway.send(expiring.slug, { key: expiring.key })).status === 401 ? true : undefined), 'the key expiring');
  await expectRefusal(expiring.slug, { key: expiring.key }, 401, 'unauthorized', 'expired_key');
  const revoked = await stack.governed();
  await stack.admin.mutate('revokeApiKey', 'IdInput', { id: revoked.keyId }, 'apiKey { id }');
  await stack.settled();
  await expectRefusal(revoked.slug, { key: revoked.key }, 401, 'unauthorized', 'revoked_key');
});

test('mcp_not_found: an unknown server and a disabled one', async () => {
  const { key, slug, serverId } = await stack.governed();
  await expectRefusal('no-such-server', { key }, 404, 'mcp_not_found', 'unknown_server');
  await stack.admin.mutate('setServerEnabled', 'SetEnabledInput', { id: serverId, enabled: false }, 'server { enabled }');
  await stack.settled();
  await expectRefusal(slug, { key }, 404, 'mcp_not_found', 'server_disabled');
});

test('mcp_not_allowed: without a grant, and again when the grant is removed', async () => {
  const mine = await stack.governed();
  const stranger = await stack.admin.createApiKey();
  await stack.settled();
  await expectRefusal(mine.slug, { key: stranger.secret }, 403, 'mcp_not_allowed', 'no_grant');
  expect((await stack.gateway.send(mine.slug, { key: mine.key })).status).toBe(200);
  await stack.admin.mutate('setGrants', 'SetGrantsInput', { remove: [mine.grantId] }, 'removedIds');
  await stack.settled();
  await expectRefusal(mine.slug, { key: mine.key }, 403, 'mcp_not_allowed', 'no_grant');
});

test('mcp_not_allowed: an address on the blocklist, one that is not on the allowlist, and a foreign origin', async () => {
  const blocked = await stack.governed({ policy: { policies: { ip: { blocklist: ['127.0.0.0/8'] } } } });
  await expectRefusal(blocked.slug, { key: blocked.key }, 403, 'mcp_not_allowed', 'ip_blocked');
  const listed = await stack.governed({ policy: { policies: { ip: { allowlist: ['10.0.0.0/8'] } } } });
  await expectRefusal(listed.slug, { key: listed.key }, 403, 'mcp_not_allowed', 'ip_not_allowed');
  const { slug, key } = await stack.governed();
  await expectRefusal(slug, { key, headers: { origin: 'https://evil.example' } }, 403, 'mcp_not_allowed', 'origin_not_allowed');
});

test('mcp_guardrail_block: a blocked tool, one that is not allowed, and a keyword', async () => {
  const { slug, key } = await stack.governed({
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
  const narrow = await stack.governed({ allowedTools: ['echo'] });
  await expectRefusal(narrow.slug, { key: narrow.key, body: toolCall('slow') }, 403, 'mcp_guardrail_block', 'tool_not_allowed');
});

test('payload_too_large, unsupported_media_type and method_not_allowed', async () => {
  const { slug, key } = await stack.governed({ policy: { policies: { ratelimit: { payload: { max_request_bytes: 500 } } } } });
  await expectRefusal(slug, { key, body: toolCall('echo', { message: 'x'.repeat(600) }) }, 413, 'payload_too_large', 'request_too_large');
  await expectRefusal(slug, { key, headers: { 'content-type': 'text/plain' } }, 415, 'unsupported_media_type', 'unsupported_media_type');
  await expectRefusal(slug, { key, method: 'PUT' }, 405, 'method_not_allowed', 'method_not_allowed');
});

test('rate_limit_exceeded: one more than a minute allows, with Retry-After', async () => {
  const { slug, key } = await stack.governed({ policy: { policies: { ratelimit: { requests: { per_minute: 3 } } } } });
  for (let index = 0; index < 3; index++) expect((await stack.gateway.send(slug, { key })).status).toBe(200);
  await expectRefusal(slug, { key }, 429, 'rate_limit_exceeded', 'request_rate');
  const answer = await stack.gateway.send(slug, { key });
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
});

test('invalid_request: what two parsers could read differently, and every trick to hide a blocked tool', async () => {
  const { slug, key } = await stack.governed({ blockedTools: ['delete_file'] });
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
  const before = stack.upstream.seen.length;
  const batch = await stack.gateway.send(slug, { key, body: `[${toolCall('echo', {}, 1)},${toolCall('delete_file', {}, 2)}]` });
  expect([400, 403]).toContain(batch.status);
  for (const name of ['DELETE_FILE', 'delete_file ', 'delete\u200b_file', 'ｄelete_file']) {
    expect((await stack.gateway.send(slug, { key, body: toolCall(name) })).status).toBe(403);
  }
  expect(stack.upstream.seen.length).toBe(before);
});

test('a refusal of a call reaches an MCP client as a typed error, not as a broken transport', async () => {
  const { slug, key } = await stack.governed({ blockedTools: ['delete_file'] });
  const client = new ClientV1({ name: 'test', version: '1.0.0' });
  await client.connect(new TransportV1(new URL(`${stack.gatewayUrl}/v1/mcp/${slug}`), { requestInit: { headers: { authorization: `Bearer ${key}` } } }));
  await expect(client.callTool({ name: 'delete_file' })).rejects.toMatchObject({ code: -33403, data: { reason: 'blocked_tool' } });
  await client.close();
});

test('the denial style can be asked for: a tool result that a model can read', async () => {
  const { slug, key } = await stack.governed({ blockedTools: ['delete_file'] });
  const answer = await stack.gateway.send(slug, { key, body: toolCall('delete_file', {}, 'x'), headers: { 'turnpike-denial-style': 'TOOL_RESULT' } });
  expect(answer.status).toBe(200);
  expect(JSON.parse(answer.text)).toMatchObject({
    id: 'x',
    result: { isError: true, content: [{ type: 'text', text: expect.stringContaining("'delete_file' is blocked") }] },
  });
  expect(answer.headers.get('turnpike-denial')).toContain('status=403');
});

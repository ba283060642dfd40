/** Servers that each caller brings his own credentials for: they go there and nowhere else, and say nothing of who calls. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GatewayClient, refusalOf } from '../support/gateway-client.ts';
import { startMcpUpstream, type McpUpstream } from '../support/mcp-upstream.ts';
import { startTestPlanes, type TestPlanes } from '../support/planes.ts';

const OWN = 'Bearer a-token-of-the-caller-alone';
let planes: TestPlanes;
let upstream: McpUpstream;
let gateway: GatewayClient;
let apiKey: string;

beforeAll(async () => {
  [planes, upstream] = await Promise.all([startTestPlanes(), startMcpUpstream({ sessions: true })]);
  gateway = new GatewayClient(planes.dataUrl);
  ({ apiKey } = await planes.governed({ slug: 'open', endpointUrl: upstream.url, auth: { passthrough: true } }));
});
afterAll(async () => {
  await planes.close();
  await upstream.close();
});

test('the caller’s header goes upstream as Authorization, and the virtual key does not', async () => {
  expect((await gateway.send('open', { key: apiKey, headers: { 'x-upstream-authorization': OWN } })).status).toBe(200);
  const sent = upstream.seen.map(({ headers }) => headers);
  expect(new Set(sent.map(({ authorization }) => authorization))).toEqual(new Set([OWN]));
  expect(JSON.stringify(sent)).not.toContain(apiKey);
  expect(sent.every((headers) => headers['x-upstream-authorization'] === undefined)).toBe(true);
});

test('what is pooled for one credential serves no other of the same key', async () => {
  const sessionsOf = (value: string) =>
    new Set(
      upstream.seen
        .filter(({ headers, body }) => headers.authorization === value && body.includes('tools/call'))
        .map(({ headers }) => headers['mcp-session-id']),
    );
  const [one, other] = ['Bearer one', 'Bearer other'];
  for (const value of [one, other, one]) expect((await gateway.send('open', { key: apiKey, headers: { 'x-upstream-authorization': value } })).status).toBe(200);
  const ofOne = sessionsOf(one);
  for (const session of sessionsOf(other)) if (session !== undefined) expect(ofOne.has(session)).toBe(false);
});

test.each([
  ['without one', {}, 'credentials_missing'],
  ['with one that fits in no header', { 'x-upstream-authorization': 'Bearer \u00ff' }, 'credentials_malformed'],
])('a call %s is refused, and nothing is sent', async (_what, headers, reason) => {
  const before = upstream.seen.length;
  const answer = await gateway.send('open', { key: apiKey, headers });
  expect(answer.status).toBe(502);
  expect(refusalOf(answer).data).toMatchObject({ code: 'upstream_auth_error', reason });
  expect(answer.headers.get('www-authenticate')).toBeNull();
  expect(upstream.seen).toHaveLength(before);
});

test('it opens no door: without a key it is nobody’s', async () => {
  const answer = await gateway.send('open', { headers: { 'x-upstream-authorization': `Bearer ${apiKey}` } });
  expect(answer.status).toBe(401);
});

test('another server is not sent it', async () => {
  const { apiKey: other } = await planes.governed({ slug: 'closed', endpointUrl: upstream.url });
  upstream.seen.length = 0;
  expect((await gateway.send('closed', { key: other, headers: { 'x-upstream-authorization': OWN } })).status).toBe(200);
  expect(JSON.stringify(upstream.seen)).not.toContain('a-token-of-the-caller-alone');
});

test('it is neither stored nor logged', async () => {
  const { text } = await gateway.send('open', { key: apiKey, headers: { 'x-upstream-authorization': OWN } });
  expect(text).not.toContain(OWN);
  expect(planes.control.log()).not.toContain(OWN);
  const records = await planes.control.database.query('select to_jsonb(usage_records)::text as record from usage_records');
  expect(JSON.stringify(records)).not.toContain('a-token-of-the-caller-alone');
});

test('a STDIO server has no header to put it in', async () => {
  await expect(
    planes.control.admin.createServer({ name: 'stdio', transport: 'STDIO', stdioCommand: '/bin/cat', stdioArgs: ['-u'], auth: { passthrough: true } }),
  ).rejects.toThrow('has no upstream auth');
});

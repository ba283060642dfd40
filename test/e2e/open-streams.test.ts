/** A stream that is open ends when its key may no longer call its server, and is recorded with the reason. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { startMcpUpstream, type McpUpstream } from '../support/mcp-upstream.ts';
import { startTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { eventually } from '../support/processes.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { readAlong, type StreamText } from '../support/stream-text.ts';

let database: TestDatabase;
let redis: TestRedis;
let upstream: McpUpstream;
let stack: Stack;

beforeAll(async () => {
  [database, redis, upstream] = await Promise.all([startTestPostgres(), startTestRedis(), startMcpUpstream()]);
  stack = await startStack({ databaseUrl: database.url, redisUrl: redis.url });
}, 120_000);

afterAll(async () => {
  await stack?.close();
  await Promise.all([upstream?.close(), redis?.stop(), database?.stop()]);
});

const endSchema = z.object({ denial: z.object({ code: z.string(), reason: z.string() }) });

test.each([
  ['a revoked key', 'revoked_key', ({ keyId }: Opened) => stack.admin.mutate('revokeApiKey', 'IdInput', { id: keyId }, 'apiKey { id }')],
  ['a removed grant', 'no_grant', ({ grantId }: Opened) => stack.admin.mutate('setGrants', 'SetGrantsInput', { remove: [grantId] }, 'grants { id }')],
  [
    'a disabled server',
    'server_disabled',
    ({ serverId }: Opened) => stack.admin.mutate('setServerEnabled', 'SetEnabledInput', { id: serverId, enabled: false }, 'server { id }'),
  ],
  ['a removed server', 'unknown_server', ({ serverId }: Opened) => stack.admin.mutate('deleteServer', 'DeleteServerInput', { id: serverId }, 'deletedId')],
])('%s cuts the streams that it opened, and no other', async (what, reason, change) => {
  const [cut, kept] = [await openStream(`${reason}-cut`.replaceAll('_', '-')), await openStream(`${reason}-kept`.replaceAll('_', '-'))];
  await change(cut);
  const events = await cut.rest();
  expect(events, what).toContain(`"reason":"${reason}"`);
  const record = await eventually(async () => {
    const { usageRecord } = await stack.admin.query('query($id: String!) { usageRecord(requestId: $id) { denial { code reason } } }', { id: cut.requestId });
    return usageRecord === null ? undefined : endSchema.parse(usageRecord);
  }, 'the record of the stream');
  expect(record.denial.reason).toBe(reason);
  expect(kept.isOpen()).toBe(true);
  await kept.leave();
});

test('whoever listens is told when the tools that it may see change, and only then', async () => {
  const stream = await openStream('rules');
  const changes = () => stream.text().split('notifications/tools/list_changed').length - 1;
  // The upstream itself says so once, as it opens the stream.
  await eventually(() => (changes() === 1 ? true : undefined), 'the event of the upstream');
  await stack.admin.mutate('updateServer', 'UpdateServerInput', { id: stream.serverId, expectedVersion: 1, name: 'Renamed' }, 'server { id }');
  await stack.admin.mutate('setToolRules', 'SetToolRulesInput', { id: stream.serverId, allowedTools: [], blockedTools: ['echo'] }, 'server { id }');
  await eventually(() => (changes() === 2 ? true : undefined), 'an event for the rules that changed');
  await stack.settled();
  expect(changes()).toBe(2);
  expect(stream.isOpen()).toBe(true);
  await stream.leave();
});

test('whoever listens is told of every list when the words change that hide entries of it', async () => {
  const stream = await openStream('words');
  const filter = { blockedKeywords: ['secret'], applyTo: ['REQUEST'], action: 'BLOCK' };
  await stack.admin.mutate('setSemanticFilter', 'SetSemanticFilterInput', { serverId: stream.serverId, filter }, 'server { id }');
  const expected = ['tools', 'prompts', 'resources'].map((list) => `notifications/${list}/list_changed`);
  await eventually(() => (expected.every((method) => stream.text().includes(method)) ? true : undefined), 'an event for each list');
  await stream.leave();
});

test('a stream on which nothing happens is kept from looking dead', async () => {
  const stream = await openStream('silent');
  await eventually(() => (stream.text().endsWith(':\n\n') ? true : undefined), 'a comment on the silent stream');
  expect(stream.isOpen()).toBe(true);
  await stream.leave();
}, 60_000);

interface Opened extends StreamText {
  readonly serverId: string;
  readonly keyId: string;
  readonly grantId: string;
  readonly requestId: string;
  /** What comes until the stream ends. */
  rest(): Promise<string>;
}

async function openStream(slug: string): Promise<Opened> {
  const server = await stack.admin.createServer({ name: slug, slug, transport: 'STREAMABLE_HTTP', endpointUrl: upstream.url });
  const key = await stack.admin.createApiKey();
  const grantId = await stack.admin.grant(key.id, server.id);
  await stack.settled();
  const response = await fetch(`${stack.gatewayUrl}/v1/mcp/${slug}`, {
    headers: { accept: 'text/event-stream', 'mcp-protocol-version': '2025-06-18', authorization: `Bearer ${key.secret}` },
  });
  expect(response.status).toBe(200);
  const along = readAlong(response);
  return {
    serverId: server.id,
    keyId: key.id,
    grantId,
    requestId: response.headers.get('turnpike-request-id') ?? '',
    ...along,
    rest: async () => {
      await eventually(() => (along.isOpen() ? undefined : true), 'the end of the stream');
      return along.text();
    },
  };
}

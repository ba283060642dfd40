/** Two data planes as one gateway: a caller's session goes on wherever its requests arrive, and what governs it is done once. */
import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { startConformanceFixture, type ConformanceFixture } from '../support/conformance/fixture.ts';
import { prepareFixtureLaunch } from '../support/conformance/launch.ts';
import { startForgetfulUpstream } from '../support/forgetful-upstream.ts';
import { toolCall } from '../support/gateway-client.ts';
import { eventually } from '../support/processes.ts';
import { startTwoNodes, type TwoNodes } from '../support/two-nodes.ts';

const INITIALIZE = JSON.stringify({
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'wanderer', version: '1' } },
});
/** The caller's own address; the nodes reach each other from another one. */
const CALLER = '127.0.0.2';
const CALL = toolCall('test_simple_text');

let directory: string;
let planes: TwoNodes;
let fixture: ConformanceFixture;
let servers: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
let count = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'turnpike-nodes-'));
  const launch = await prepareFixtureLaunch(directory);
  [planes, fixture] = await Promise.all([startTwoNodes(launch.environment), startConformanceFixture()]);
  servers = {
    http: { endpointUrl: fixture.url },
    stdio: launch.server,
    sse: { transport: 'SSE', endpointUrl: fixture.sseUrl },
  };
}, 120_000);

afterAll(async () => {
  await planes?.close();
  await Promise.all([fixture?.close(), rm(directory, { recursive: true, force: true })]);
});

interface Wandering {
  readonly serverId: string;
  /** Sends a request with the session to the first node, or to the second. */
  at(node: 0 | 1, asking?: { method?: string; body?: string; headers?: Record<string, string> }): Promise<{ status: number; text: string; requestId: string }>;
}

/** Opens a session on the second node. */
async function wandering(server: Readonly<Record<string, unknown>>): Promise<Wandering> {
  const { url, apiKey, serverId } = await planes.governed({ slug: `nodes-${++count}`, ...server });
  const path = new URL(url).pathname;
  const ask = async (node: 0 | 1, { method = 'POST', body = CALL, headers = {} }, sessionId?: string) => {
    const common = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
    const session = sessionId === undefined ? {} : { 'mcp-session-id': sessionId };
    const outgoing = httpRequest(planes.nodeUrls[node] + path, { method, localAddress: CALLER, agent: false, headers: { ...common, ...session, ...headers } });
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string; requestId: string; sessionId: string }>();
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => {
      const { headers: its, statusCode: status = 0 } = incoming;
      const [requestId, id] = [its['turnpike-request-id'], its['mcp-session-id']].map(String);
      text(incoming).then((all) => resolve({ status, text: all, requestId: requestId ?? '', sessionId: id ?? '' }), reject);
    });
    outgoing.end(method === 'POST' ? body : undefined);
    return promise;
  };
  const { sessionId } = await ask(1, { body: INITIALIZE });
  await ask(1, { body: '{"jsonrpc":"2.0","method":"notifications/initialized"}' }, sessionId);
  return { serverId, at: (node, asking = {}) => ask(node, asking, sessionId) };
}

describe.each(['http', 'stdio', 'sse'])('over %s', (transport) => {
  test('a session goes on at the other node, and ends there for both', async () => {
    const caller = await wandering(servers[transport] ?? {});
    for (const node of [1, 0] as const) {
      const answer = await caller.at(node);
      expect(answer).toMatchObject({ status: 200 });
      expect(answer.text).toContain('"result"');
    }
    expect(await caller.at(0, { method: 'DELETE' })).toMatchObject({ status: 200 });
    for (const node of [0, 1] as const) expect(await caller.at(node)).toMatchObject({ status: 404 });
  });

  test('a call is recorded once, with the address of its caller', async () => {
    const caller = await wandering(servers[transport] ?? {});
    const { requestId } = await caller.at(0);
    const records = await eventually(async () => {
      const { usageRecords } = await planes.control.admin.query(
        `{ usageRecords(first: 5, filter: {range: {}, serverId: ["${caller.serverId}"]}) { nodes { requestId clientIp mcp { rpcMethod } } } }`,
      );
      const { nodes } = recordsSchema.parse(usageRecords);
      return nodes.some((record) => record.requestId === requestId) ? nodes : undefined;
    }, 'the call being recorded');
    expect(records.filter(({ mcp }) => mcp.rpcMethod === 'tools/call')).toEqual([{ requestId, clientIp: CALLER, mcp: { rpcMethod: 'tools/call' } }]);
  });
});

const recordsSchema = z.object({
  nodes: z.array(z.object({ requestId: z.string(), clientIp: z.string(), mcp: z.object({ rpcMethod: z.string().nullable() }) })),
});

test('address rules judge the caller, not the node that carries', async () => {
  const caller = await wandering(servers['stdio'] ?? {});
  const judgeBy = (ip: Record<string, string[]>) =>
    planes.control.admin.mutate(
      'setPolicy',
      'SetPolicyInput',
      { scope: 'MCP_SERVER', ownerId: caller.serverId, policies: { policies: { ip } } },
      'policy { id }',
    );
  const isRefused = async (node: 0 | 1) => ((await caller.at(node)).status === 403 ? true : undefined);
  await judgeBy({ allowlist: ['127.0.0.1'] });
  for (const node of [1, 0] as const) await eventually(() => isRefused(node), 'the caller being refused');
  await judgeBy({ blocklist: ['127.0.0.1'] });
  for (const node of [1, 0] as const) await eventually(async () => ((await caller.at(node)).status === 200 ? true : undefined), 'the caller being let in');
});

test('nobody outside may say for whom a request was carried', async () => {
  const caller = await wandering(servers['stdio'] ?? {});
  const forged = { 'turnpike-carried': `10.0.0.1 10.0.0.1 ${Date.now()} ${'A'.repeat(43)}` };
  for (const node of [0, 1] as const) expect(await caller.at(node, { headers: forged })).toMatchObject({ status: 421 });
});

test('a session that its server forgot goes on at both nodes in one new session, and is over for both when it is ended', async () => {
  const upstream = await startForgetfulUpstream();
  const caller = await wandering({ endpointUrl: upstream.url });
  upstream.forget();
  const answers = [await caller.at(0), await caller.at(1), await caller.at(0)];
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(new Set(answers.map(({ text: body }) => body)).size).toBe(1);
  expect(upstream.introductions).toHaveLength(2);
  expect(upstream.introductions[1]).toEqual(upstream.introductions[0]);
  await caller.at(1, { method: 'DELETE' });
  upstream.forget();
  for (const node of [0, 1] as const) expect(await caller.at(node)).toMatchObject({ status: 404 });
  expect(upstream.introductions).toHaveLength(2);
  await upstream.close();
});

test('a session whose server has moved goes on where the server is now', async () => {
  const [before, after] = [await startForgetfulUpstream(), await startForgetfulUpstream()];
  const caller = await wandering({ endpointUrl: before.url });
  await planes.control.admin.mutate('updateServer', 'UpdateServerInput', { id: caller.serverId, endpointUrl: after.url }, 'server { id }');
  const answer = await eventually(async () => {
    const { text: body, status } = await caller.at(0);
    return after.taken.length > 0 ? { body, status } : undefined;
  }, 'the move being in force');
  expect(answer.status).toBe(200);
  expect(after.introductions).toEqual(before.introductions);
  await Promise.all([before.close(), after.close()]);
});

test('a session whose node is gone is unknown, and its client may start over with the old id still in its hands', async () => {
  const caller = await wandering(servers['stdio'] ?? {});
  await planes.endSecond();
  const lost = await caller.at(0);
  expect(lost).toMatchObject({ status: 404 });
  expect(lost.text).toContain('unknown_session');
  expect(await caller.at(0, { body: INITIALIZE })).toMatchObject({ status: 200 });
});

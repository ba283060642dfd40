/** Agents through the gateway: clients of both eras that name themselves get what is mapped to them, and no name opens what a key does not. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { z } from 'zod';
import { startConformanceFixture, type ConformanceFixture } from '../support/conformance/fixture.ts';
import { startMcpUpstream, type McpUpstream } from '../support/mcp-upstream.ts';
import { connectOldClient } from '../support/old-client.ts';
import { startTestPlanes, type TestPlanes } from '../support/planes.ts';
import { eventually } from '../support/processes.ts';

const TOOL = 'json_schema_2020_12_tool';

interface Key {
  readonly id: string;
  readonly secret: string;
}

let planes: TestPlanes;
let fixture: ConformanceFixture;
let sessions: McpUpstream;
/** A key may call all of them; the agents only some. */
let servers: Record<'mapped' | 'unmapped' | 'sessions', { id: string; slug: string }>;
let claudeCode: string;

beforeAll(async () => {
  [planes, fixture, sessions] = await Promise.all([startTestPlanes(), startConformanceFixture(), startMcpUpstream({ sessions: true })]);
  const { admin } = planes.control;
  const make = (slug: string, endpointUrl: string) => admin.createServer({ name: slug, slug, transport: 'STREAMABLE_HTTP', endpointUrl });
  servers = {
    mapped: await make('mapped', fixture.url),
    unmapped: await make('unmapped', fixture.url),
    sessions: await make('sessions', sessions.url),
  };
  const { agents } = await admin.query('{ agents(kind: PREDEFINED, first: 100) { nodes { id slug } } }');
  const { nodes } = z.object({ nodes: z.array(z.object({ id: z.string(), slug: z.string() })) }).parse(agents);
  claudeCode = nodes.find(({ slug }) => slug === 'claude-code')?.id ?? '';
  await map([{ name: 'terminal', allowedServerIds: [servers.mapped.id] }]);
}, 120_000);

afterAll(async () => {
  await planes?.close();
  await Promise.all([fixture?.close(), sessions?.close()]);
});

async function map(clients: readonly Record<string, unknown>[], rest: Record<string, unknown> = {}): Promise<void> {
  await planes.control.admin.mutate('updateAgent', 'UpdateAgentInput', { id: claudeCode, clients, ...rest }, 'agent { id }');
}

async function newKey(input: Record<string, unknown> = {}): Promise<Key> {
  const { admin } = planes.control;
  return admin.createApiKey({ grantServerIds: Object.values(servers).map(({ id }) => id), ...input });
}

/** What the caller reads of a plain request, which tells a denial's reason. */
async function post(slug: string, { secret }: Key, headers: Record<string, string>, message: Record<string, unknown>) {
  const response = await fetch(`${planes.dataUrl}/v1/mcp/${slug}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...message }),
  });
  const text = await response.text();
  return { status: response.status, reason: /"reason":"([a-z_]+)"/.exec(text)?.[1], text, headers: response.headers };
}

function initialize(slug: string, key: Key, name: string, headers: Record<string, string> = {}) {
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name, version: '2.1.0' } };
  return post(slug, key, headers, { method: 'initialize', params });
}

/** Repeats a request until the configuration that makes it end so is in force. */
function endsWith(reason: string | undefined, send: () => ReturnType<typeof post>) {
  return eventually(
    async () => {
      const answer = await send();
      return answer.reason === reason && (reason !== undefined || answer.status === 200) ? answer : undefined;
    },
    `the answer ${reason ?? 'without a refusal'}`,
  );
}

async function connect(slug: string, { secret }: Key, clientInfo: { name: string; version: string }, pin?: string): Promise<Client> {
  const client = new Client(clientInfo, pin === undefined ? {} : { versionNegotiation: { mode: { pin } } });
  const requestInit = { headers: { authorization: `Bearer ${secret}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(`${planes.dataUrl}/v1/mcp/${slug}`), { requestInit }));
  onTestFinished(() => client.close());
  return client;
}

/** The records of a key, the newest first. */
async function recordsOf(key: Key, count: number) {
  return eventually(async () => {
    const { usageRecords } = await planes.control.admin.query(
      `query($filter: UsageFilter!) { usageRecords(filter: $filter) { nodes { clientName observed agent { slug } denial { reason rule { kind id path } } mcp { rpcMethod } } } }`,
      { filter: { range: {}, apiKeyId: [key.id] } },
    );
    const { nodes } = z.object({ nodes: z.array(z.looseObject({ observed: z.array(z.string()) })) }).parse(usageRecords);
    return nodes.length >= count ? nodes : undefined;
  }, `${count} records`);
}

describe.each([
  ['a client with sessions', undefined],
  ['a client of 2026-07-28', '2026-07-28'],
])('%s', (_, pin) => {
  const itself = { name: 'claude-code', version: '2.1.0' };

  test('that counts as an agent calls the servers that are mapped to it', async () => {
    const key = await newKey();
    await endsWith(undefined, () => initialize('mapped', key, 'claude-code'));
    const client = await connect('mapped', key, itself, pin);
    await expect(client.callTool({ name: TOOL, arguments: { name: 'hello' } })).resolves.toBeDefined();
    const records = await recordsOf(key, 3);
    expect(records[0]).toMatchObject({ clientName: 'claude-code', agent: { slug: 'claude-code' }, denial: null });
  });

  test('and no others, though its key is granted them', async () => {
    const key = await newKey();
    await endsWith('agent_not_mapped', () => initialize('unmapped', key, 'claude-code'));
    await expect(connect('unmapped', key, itself, pin)).rejects.toThrow();
    const records = await recordsOf(key, 2);
    expect(records[0]?.['denial']).toEqual({ reason: 'agent_not_mapped', rule: { kind: 'agent', id: claudeCode, path: 'clients' } });
  });

  test('that counts as none calls what its key may', async () => {
    const key = await newKey();
    await endsWith(undefined, () => initialize('unmapped', key, 'somebody'));
    const client = await connect('unmapped', key, { name: 'somebody', version: '1' }, pin);
    await expect(client.callTool({ name: TOOL, arguments: { name: 'hello' } })).resolves.toBeDefined();
  });
});

test('a session remembers who opened it: what is mapped later holds for it at once', async () => {
  const key = await newKey();
  await map([{ name: 'terminal', allowedServerIds: [servers.mapped.id, servers.sessions.id] }]);
  const opened = await endsWith(undefined, () => initialize('sessions', key, 'claude-code'));
  const session = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' };
  expect((await post('sessions', key, session, { method: 'tools/list' })).reason).toBeUndefined();
  await map([{ name: 'terminal', allowedServerIds: [servers.mapped.id] }]);
  const denied = await endsWith('agent_not_mapped', () => post('sessions', key, session, { method: 'tools/list' }));
  expect(denied.status).toBe(403);
});

test('an open stream ends when what its client is mapped to changes', async () => {
  const key = await newKey();
  const opened = await endsWith(undefined, () => initialize('mapped', key, 'claude-code'));
  const headers = { authorization: `Bearer ${key.secret}`, accept: 'text/event-stream', 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' };
  const stream = await fetch(`${planes.dataUrl}/v1/mcp/mapped`, { headers });
  expect(stream.status).toBe(200);
  await map([{ name: 'terminal', allowedServerIds: [] }]);
  expect(await stream.text()).toContain('"reason":"agent_not_mapped"');
  await map([{ name: 'terminal', allowedServerIds: [servers.mapped.id] }]);
});

test('an explanation says of a client what the gateway does', async () => {
  const key = await newKey();
  await endsWith('agent_not_mapped', () => initialize('unmapped', key, 'claude-code'));
  const explain = async (clientName: string) => {
    const input = { apiKeyId: key.id, serverId: servers.unmapped.id, tool: TOOL, clientName };
    const { explainAccess } = await planes.control.admin.query(
      'query($input: ExplainAccessInput!) { explainAccess(input: $input) { explanation { allowed denial { reason } } userErrors { message } } }',
      { input },
    );
    return explainAccess;
  };
  expect(await explain('claude-code')).toEqual({ explanation: { allowed: false, denial: { reason: 'agent_not_mapped' } }, userErrors: [] });
  expect(await explain('somebody')).toEqual({ explanation: { allowed: true, denial: null }, userErrors: [] });
});

test('a client that speaks HTTP+SSE is judged by what it is called once it says so', async () => {
  const { admin } = planes.control;
  const old = await admin.createServer({ name: 'old', slug: 'old', transport: 'SSE', endpointUrl: fixture.sseUrl });
  const key = await admin.createApiKey({ grantServerIds: [old.id] });
  const target = { url: `${planes.dataUrl}/v1/mcp/old`, apiKey: key.secret };
  await admin.mutate('setUnknownClients', 'SetUnknownClientsInput', { unknownClients: 'DENY' }, 'organisation { id }');
  await endsWith('agent_not_mapped', () => initialize('old', key, 'old'));
  await expect(connectOldClient(target)).rejects.toThrow(/is none of the agents/);
  const clients = [{ name: 'old', clientNamePattern: 'old', allowedServerIds: [old.id] }];
  await admin.mutate('createAgent', 'CreateAgentInput', { name: 'Old', clients }, 'agent { id }');
  const { client } = await eventually(() => connectOldClient(target).catch(() => undefined), 'the client being let in');
  await expect(client.callTool({ name: TOOL, arguments: { name: 'hello' } })).resolves.toBeDefined();
  await admin.mutate('setUnknownClients', 'SetUnknownClientsInput', { unknownClients: 'ALLOW' }, 'organisation { id }');
  await endsWith(undefined, () => initialize('old', key, 'somebody'));
});

describe('a key that is bound to an agent', () => {
  test('calls that agent’s servers only, whatever the client says of itself', async () => {
    const key = await newKey({ agentId: claudeCode });
    await endsWith(undefined, () => initialize('mapped', key, 'somebody else'));
    for (const name of ['somebody else', 'cursor-vscode', 'claude-code', '']) {
      const denied = await initialize('unmapped', key, name);
      expect({ status: denied.status, reason: denied.reason }).toEqual({ status: 403, reason: 'agent_not_mapped' });
    }
    const records = await recordsOf(key, 5);
    expect(records.every((record) => JSON.stringify(record['agent']) === '{"slug":"claude-code"}')).toBe(true);
  });

  test('loses every server with the mapping, and is told so by keys/validate', async () => {
    const { agent } = await planes.control.admin.mutate('createAgent', 'CreateAgentInput', { name: 'Nightly', clients: [] }, 'agent { id }');
    const { id } = z.object({ id: z.string() }).parse(agent);
    const key = await newKey({ agentId: id });
    await endsWith('agent_not_mapped', () => initialize('mapped', key, 'claude-code'));
    const response = await fetch(`${planes.dataUrl}/v1/keys/validate`, { method: 'POST', headers: { authorization: `Bearer ${key.secret}` } });
    expect(await response.json()).toMatchObject({ valid: true, servers: [] });
  });
});

test('a name never opens a server that the key has no grant for', async () => {
  const key = await planes.control.admin.createApiKey({ grantServerIds: [servers.unmapped.id] });
  const denied = await endsWith('no_grant', () => initialize('mapped', key, 'claude-code'));
  expect(denied.status).toBe(403);
});

test('who does not say what he is called is known by his User-Agent, and one who does is not', async () => {
  const key = await newKey();
  const agent = { 'user-agent': 'claude-code/2.1.0 (cli)' };
  await endsWith('agent_not_mapped', () => post('unmapped', key, agent, { method: 'tools/list' }));
  expect((await initialize('unmapped', key, 'somebody', agent)).status).toBe(200);
});

test('an agent that only observes is refused nothing, and the record says what would have been', async () => {
  await map([{ name: 'terminal', allowedServerIds: [servers.mapped.id] }], { mode: 'OBSERVE' });
  const key = await newKey();
  await endsWith(undefined, () => initialize('unmapped', key, 'claude-code'));
  const [record] = await eventually(async () => {
    const records = await recordsOf(key, 1);
    return records[0]?.observed.length === 0 ? undefined : records;
  }, 'the observation');
  expect(record).toMatchObject({ observed: ['mcp_not_allowed/agent_not_mapped'], denial: null });
  await map([{ name: 'terminal', allowedServerIds: [servers.mapped.id] }], { mode: 'ENFORCE' });
});

test('clients that count as no agent are allowed, observed or denied as the organisation says', async () => {
  const { admin } = planes.control;
  const say = (unknownClients: string) => admin.mutate('setUnknownClients', 'SetUnknownClientsInput', { unknownClients }, 'organisation { unknownClients }');
  const key = await newKey();
  await endsWith(undefined, () => initialize('mapped', key, 'stranger'));
  await say('OBSERVE');
  await eventually(async () => {
    await initialize('mapped', key, 'stranger');
    const [record] = await recordsOf(key, 1);
    return record?.observed.includes('mcp_not_allowed/agent_not_mapped') === true ? true : undefined;
  }, 'the observation');
  await say('DENY');
  const denied = await endsWith('agent_not_mapped', () => initialize('mapped', key, 'stranger'));
  expect(denied.text).toContain('unknownClients');
  expect((await initialize('mapped', key, 'claude-code')).status).toBe(200);
  await say('ALLOW');
  await endsWith(undefined, () => initialize('mapped', key, 'stranger'));
});

test('a client that was seen and counts as none is told as unmapped, with its key and what it looks like', async () => {
  const key = await newKey();
  await endsWith(undefined, () => initialize('mapped', key, 'cursor-vscode'));
  const unmapped = await eventually(async () => {
    const { unmappedClients } = await planes.control.admin.query(
      '{ unmappedClients { nodes { clientName clientVersion calls lastSeenAt apiKeys { id } looksLike { slug } } } }',
    );
    const { nodes } = z.object({ nodes: z.array(z.looseObject({ clientName: z.string() })) }).parse(unmappedClients);
    return nodes.find(({ clientName }) => clientName === 'cursor-vscode');
  }, 'the client being told');
  expect(unmapped).toMatchObject({ clientVersion: '2.1.0', apiKeys: [{ id: key.id }], looksLike: { slug: 'cursor' } });
});

/** Servers of the older transport that want access tokens: both ways of a connection carry them, a refused one is replaced once, and nothing is sent without. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ListRootsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { MACHINE_CLIENT, startAuthorisationServer, type AuthorisationServer } from '../support/authorisation-server.ts';
import { GatewayClient, refusalOf, toolCall } from '../support/gateway-client.ts';
import { startGuardedSseUpstream, type GuardedSseUpstream } from '../support/guarded-sse-upstream.ts';
import { followTo } from '../support/identity-provider.ts';
import { startTestPlanes, type TestPlanes } from '../support/planes.ts';
import { eventually } from '../support/processes.ts';
import { echo, type SseScript } from '../support/sse-upstream.ts';

let planes: TestPlanes;
let authority: AuthorisationServer;
let gateway: GatewayClient;

beforeAll(async () => {
  [planes, authority] = await Promise.all([startTestPlanes(), startAuthorisationServer()]);
  gateway = new GatewayClient(planes.dataUrl);
});

afterAll(async () => {
  await planes.close();
  await authority.close();
});

beforeEach(() => {
  authority.isDown = false;
  authority.asked.length = 0;
});

interface Governed extends GuardedSseUpstream {
  readonly slug: string;
  readonly apiKey: string;
  readonly serverId: string;
}

async function governed(slug: string, mode: string, script: SseScript = { hear: echo }): Promise<Governed> {
  const upstream = await startGuardedSseUpstream(authority, script);
  const machine = { tokenUrl: authority.tokenUrl, clientId: MACHINE_CLIENT.id, clientSecret: MACHINE_CLIENT.secret };
  const auth = { oauth2: { mode, ...(mode === 'CLIENT_CREDENTIALS' ? machine : {}) } };
  const { apiKey, serverId } = await planes.governed({ slug, transport: 'SSE', endpointUrl: upstream.url, auth });
  return { ...upstream, slug, apiKey, serverId };
}

const call = ({ slug, apiKey }: Governed, id: string | number = 1) => gateway.send(slug, { key: apiKey, body: toolCall('echo', { message: 'hi' }, id) });
const reasonOf = async (server: Governed) => refusalOf(await call(server)).data.reason;
const isCalled = (server: Governed) =>
  eventually(async () => ((await call(server)).status === 200 ? true : undefined), `${server.slug} being called with a token`);

async function signIn(id: string): Promise<void> {
  const begun = await planes.control.admin.mutate('startServerOAuth', 'ReferenceInput', { id }, 'authorizeUrl');
  const { authorizeUrl } = z.object({ authorizeUrl: z.string() }).parse(begun);
  const response = await fetch(await followTo(authorizeUrl, `${planes.control.url}/oauth/callback`));
  expect([response.status, await response.text()]).toEqual([200, expect.stringContaining('is connected')]);
}

/** Called once already, with the first token. */
async function connected(slug: string, mode: string, script?: SseScript): Promise<Governed> {
  const server = await governed(slug, mode, script);
  if (mode !== 'CLIENT_CREDENTIALS') await signIn(server.serverId);
  await isCalled(server);
  return server;
}

/** The server takes no token any more that was given; the control plane thinks them old enough to ask for others. */
async function revokeAll({ serverId, knocks }: Governed): Promise<void> {
  await planes.control.database.query(`update upstream_connections set fetched_at = now() - interval '1 minute' where mcp_server_id = $1`, [serverId]);
  authority.revokeAll();
  authority.asked.length = 0;
  knocks.length = 0;
}

async function callFiftyTimes(server: Governed): Promise<void> {
  const answers = await Promise.all(Array.from({ length: 50 }, (_, id) => call(server, id)));
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 200));
}

describe.each(['CLIENT_CREDENTIALS', 'AUTHORIZATION_CODE_ORG'])('a server over HTTP+SSE with %s', (mode) => {
  const named = (name: string) => `${name}-${mode.toLowerCase().replaceAll('_', '-')}`;

  test('is sent the one token with the request for its stream and with every message', async () => {
    const server = await connected(named('both-ways'), mode);
    for (let calls = 0; calls < 3; calls++) await call(server);
    const messages = ['initialize', 'notifications/initialized', 'tools/call', 'tools/call', 'tools/call', 'tools/call'];
    expect(server.inner.posted.map(({ method }) => method)).toEqual(messages);
    expect(server.knocks.map(({ method }) => method)).toEqual(['GET', ...messages.map(() => 'POST')]);
    expect(new Set(server.knocks.map(({ authorization }) => authorization))).toHaveProperty('size', 1);
    expect(server.knocks.every(({ isLetIn }) => isLetIn)).toBe(true);
    expect(authority.tokenRequests()).toBe(1);
  });

  test('gets one new token when it refuses messages on a connection that stands, which goes on', async () => {
    const server = await connected(named('refused-message'), mode);
    await revokeAll(server);
    await callFiftyTimes(server);
    expect(authority.tokenRequests()).toBe(1);
    expect(server.inner.streams).toHaveLength(1);
    expect(new Set(server.knocks.filter(({ isLetIn }) => isLetIn).map(({ authorization }) => authorization))).toHaveProperty('size', 1);
    expect(server.inner.posted.filter(({ method }) => method === 'tools/call')).toHaveLength(51);
  });

  test('gets one new token when it refuses its stream, and the calls that wait for it go through', async () => {
    const server = await connected(named('refused-stream'), mode);
    server.inner.streams[0]?.cut();
    await eventually(() => (server.inner.openStreams() === 0 ? true : undefined), 'the end of the stream');
    await revokeAll(server);
    await callFiftyTimes(server);
    expect(authority.tokenRequests()).toBe(1);
    expect(server.inner.streams).toHaveLength(2);
    expect(server.knocks.some(({ method, isLetIn }) => method === 'GET' && !isLetIn)).toBe(true);
  });

  test('gets what its caller answers, when that comes with a token that it refuses', async () => {
    const heard: string[] = [];
    const script: SseScript = {
      hear: (message, stream) => {
        if (message.method === undefined) heard.push(message.body);
        echo(message, stream);
      },
    };
    const server = await connected(named('asking'), mode, script);
    const client = new Client({ name: 'test', version: '1.0.0' }, { capabilities: { roots: {} } });
    client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: 'file:///here' }] }));
    const url = new URL(`${planes.dataUrl}/v1/mcp/${server.slug}`);
    await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers: { authorization: `Bearer ${server.apiKey}` } } }));
    onTestFinished(() => client.close());
    await revokeAll(server);
    server.inner.streams.at(-1)?.send({ jsonrpc: '2.0', id: 'roots?', method: 'roots/list' });
    await eventually(() => (heard.length === 1 ? true : undefined), 'the answer of the caller');
    expect(JSON.parse(heard[0] ?? '')).toMatchObject({ id: 'roots?', result: { roots: [{ uri: 'file:///here' }] } });
    expect(authority.tokenRequests()).toBe(1);
  });

  test('is looked at by the control plane with the token', async () => {
    const tool = { name: 'echo', inputSchema: { type: 'object' } };
    const script: SseScript = {
      hear: (message, stream) => {
        if (message.method === 'tools/list') stream.send({ jsonrpc: '2.0', id: message.id, result: { tools: [tool] } });
        echo(message, stream);
      },
    };
    const server = await connected(named('looked-at'), mode, script);
    server.knocks.length = 0;
    const found = await planes.control.admin.mutate('discoverTools', 'IdInput', { id: server.serverId }, 'server { toolDiscoveryError }');
    expect(found).toMatchObject({ server: { toolDiscoveryError: null } });
    expect(server.knocks.map(({ method }) => method)).toContain('GET');
    expect(server.knocks.every(({ isLetIn }) => isLetIn)).toBe(true);
  });
});

test('a server over HTTP+SSE is never called while no token can be had', async () => {
  authority.isDown = true;
  const server = await governed('no-token', 'CLIENT_CREDENTIALS');
  expect(await reasonOf(server)).toBe('credentials_unavailable');
  expect(server.knocks).toEqual([]);
  authority.isDown = false;
  await isCalled(server);
  expect(server.knocks.every(({ isLetIn }) => isLetIn)).toBe(true);
});

test('a server over HTTP+SSE is never called before somebody has signed in, nor after the connection was taken away', async () => {
  const server = await governed('signed-in', 'AUTHORIZATION_CODE_ORG');
  expect(await reasonOf(server)).toBe('sign_in_required');
  expect(server.knocks).toEqual([]);
  await signIn(server.serverId);
  await isCalled(server);
  await planes.control.admin.mutate('disconnectServerOAuth', 'ReferenceInput', { id: server.serverId }, 'server { id }');
  await eventually(async () => ((await reasonOf(server)) === 'sign_in_required' ? true : undefined), 'the end of the connection');
  const before = server.knocks.length;
  expect(await reasonOf(server)).toBe('sign_in_required');
  expect(server.knocks).toHaveLength(before);
});

/** What calls and looks show of a server reaches whoever looks at it, and a tool that one node sees changed is known to all of them. */
import { createServer } from 'node:http';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { GatewayClient, listTools, refusalOf, toolCall } from '../support/gateway-client.ts';
import { listenOnLoopback } from '../support/loopback.ts';
import { startTestPlanes, type GovernedByTest, type TestPlanes } from '../support/planes.ts';
import { eventually } from '../support/processes.ts';
import { subscribeTo } from '../support/subscription.ts';
import { startToolUpstream, type ToolUpstream } from '../support/tool-upstream.ts';

const READ = { name: 'read', description: 'reads', inputSchema: { type: 'object' } };
const HEALTH = 'health healthDetail protocolVersion serverInfo lastProbedAt';
const serverSchema = z.object({
  health: z.string(),
  healthDetail: z.string().nullable(),
  protocolVersion: z.string().nullable(),
  serverInfo: z.unknown(),
  lastProbedAt: z.string().nullable(),
});

let planes: TestPlanes;
let second: GatewayClient;
let gateway: GatewayClient;
let count = 0;

beforeAll(async () => {
  planes = await startTestPlanes();
  gateway = new GatewayClient(planes.dataUrl);
  second = new GatewayClient((await planes.addNode({ DATA_PLANE_REGION: 'north' })).url);
});
afterAll(() => planes?.close());

async function governedUpstream(): Promise<{ upstream: ToolUpstream; governed: GovernedByTest; slug: string }> {
  const upstream = await startToolUpstream([READ]);
  onTestFinished(() => upstream.close());
  const slug = `health-${++count}`;
  return { upstream, slug, governed: await planes.governed({ slug, endpointUrl: upstream.url }) };
}

async function healthOf({ serverId }: GovernedByTest): Promise<z.infer<typeof serverSchema>> {
  const { server } = await planes.control.admin.query(`query($id: ID!) { server(id: $id) { ${HEALTH} } }`, { id: serverId });
  return serverSchema.parse(server);
}

const untilHealth = (governed: GovernedByTest, health: string) =>
  eventually(async () => {
    const now = await healthOf(governed);
    return now.health === health ? now : undefined;
  }, `the server being ${health}`);

test('calls show that a server is there, that it asks who is calling, and that it is gone; whoever follows hears each', async () => {
  const { upstream, governed, slug } = await governedUpstream();
  expect(await healthOf(governed)).toMatchObject({ health: 'UNKNOWN', healthDetail: null });
  const follower = subscribeTo(planes.control.graphqlUrl, {
    query: 'subscription($id: ID) { serverHealthChanged(serverId: $id) { id health healthDetail } }',
    variables: { id: governed.serverId },
    token: planes.control.token,
  });
  onTestFinished(() => follower.close());
  const [first, next, last] = [follower.next(), follower.next(), follower.next()];
  const call = () => gateway.send(slug, { key: governed.apiKey, body: toolCall('read') });
  expect((await call()).status).toBe(200);
  await untilHealth(governed, 'CONNECTED');
  upstream.intercept = (_path, response) => Boolean(response.writeHead(401, { 'www-authenticate': 'Bearer' }).end());
  await call();
  await untilHealth(governed, 'NEEDS_AUTH');
  await upstream.close();
  await call();
  const gone = await untilHealth(governed, 'UNREACHABLE');
  expect(gone.healthDetail).toContain(`'${slug}' cannot be reached`);
  expect(await Promise.all([first, next, last])).toMatchObject([
    { serverHealthChanged: { id: governed.serverId, health: 'CONNECTED' } },
    { serverHealthChanged: { health: 'NEEDS_AUTH' } },
    { serverHealthChanged: { health: 'UNREACHABLE' } },
  ]);
});

test('a look tells the revision and what the server says of itself; one that speaks no MCP is a fault of protocol; off is off', async () => {
  const { upstream, governed } = await governedUpstream();
  await planes.control.admin.mutate('discoverTools', 'IdInput', { id: governed.serverId }, 'server { id }');
  const looked = await healthOf(governed);
  expect(looked).toMatchObject({ health: 'CONNECTED', protocolVersion: '2025-11-25', serverInfo: { name: 'tool-upstream', version: '1' } });
  expect(looked.lastProbedAt).not.toBeNull();
  upstream.intercept = (_path, response) => Boolean(response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>hello</h1>'));
  await planes.control.admin.query('mutation($id: ID!) { probeServer(input: {serverId: $id}) { probe { reachable } } }', { id: governed.serverId });
  expect(await healthOf(governed)).toMatchObject({ health: 'PROTOCOL_ERROR', protocolVersion: '2025-11-25' });
  await planes.control.admin.mutate('setServerEnabled', 'SetEnabledInput', { id: governed.serverId, enabled: false }, 'server { id }');
  expect(await healthOf(governed)).toMatchObject({ health: 'DISABLED', healthDetail: null });
});

test('what nobody noticed for a day is not known any more', async () => {
  const { governed } = await governedUpstream();
  await planes.control.admin.mutate('discoverTools', 'IdInput', { id: governed.serverId }, 'server { id }');
  await planes.control.database.query(`update server_health set observed_at = now() - interval '25 hours' where server_id = $1`, [governed.serverId]);
  expect((await healthOf(governed)).health).toBe('UNKNOWN');
});

test('a tool that one node sees changed is looked at by the control plane, and refused by the other node too', async () => {
  const { upstream, governed, slug } = await governedUpstream();
  await planes.control.admin.mutate('discoverTools', 'IdInput', { id: governed.serverId }, 'server { id }');
  // As if that had been some time ago: looks that nodes ask for keep a distance.
  await planes.control.database.query(`update mcp_servers set tools_checked_at = now() - interval '1 hour' where id = $1`, [governed.serverId]);
  upstream.tools = [{ ...READ, description: 'reads, and tells others' }];
  await eventually(async () => {
    const { text } = await gateway.send(slug, { key: governed.apiKey, body: listTools() });
    return text.includes('"tools":[]') ? true : undefined;
  }, 'the one node hiding the tool');
  const refused = await eventually(async () => {
    const answer = await second.send(slug, { key: governed.apiKey, body: toolCall('read') });
    return answer.status === 200 ? undefined : answer;
  }, 'the other node refusing it');
  expect(refusalOf(refused)).toMatchObject({ data: { code: 'mcp_guardrail_block', reason: 'tool_changed' } });
});

test('a node says where it runs', async () => {
  const { dataPlanes } = await planes.control.admin.query('{ dataPlanes { region ready configLag inFlight endpoints } }');
  expect(dataPlanes).toContainEqual(expect.objectContaining({ region: 'north', ready: true }));
});

test('what nodes report of servers that are not theirs is not heard, and too much at once is refused', async () => {
  const { token, id: tokenId } = await planes.control.newDataPlaneToken();
  const { governed } = await governedUpstream();
  const other = await planes.control.newOrganisation('elsewhere');
  await planes.control.database.query('update data_plane_tokens set organisation_ids = $1 where id = $2', [[other.organisationId], tokenId]);
  const hello =
    'mutation { dataPlaneHello(input: {name: "n:1", version: "1", configVersion: "0", ready: true, inFlight: 0, endpoints: []}) { dataPlane { id } } }';
  const said = z.object({ dataPlaneHello: z.object({ dataPlane: z.object({ id: z.string() }) }) }).parse((await planes.control.ask(hello, {}, token)).data);
  const dataPlaneId = said.dataPlaneHello.dataPlane.id;
  const report = (reports: readonly object[], by = token) =>
    planes.control.ask(
      'mutation($i: ReportServersInput!) { reportServers(input: $i) { heard userErrors { field code } } }',
      { i: { dataPlaneId, reports } },
      by,
    );
  const one = { serverId: governed.serverId, health: 'UNREACHABLE' };
  expect((await report([one])).data).toEqual({ reportServers: { heard: 0, userErrors: [] } });
  expect((await healthOf(governed)).health).toBe('UNKNOWN');
  expect((await report(Array.from({ length: 201 }, () => one))).data).toMatchObject({ reportServers: { heard: null, userErrors: [{ field: ['reports'] }] } });
  expect((await report([one], planes.control.token)).errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN' });
  for (let told = 1; told < 30; told++) await report([]);
  expect((await report([])).errors?.[0]?.extensions).toMatchObject({ code: 'RATE_LIMITED' });
});

test('a server that answers no HTTP at all is unreachable', async () => {
  const { origin, close } = await listenOnLoopback(createServer());
  await close();
  const governed = await planes.governed({ slug: 'nobody-there', endpointUrl: `${origin}/mcp` });
  await planes.control.admin.query('mutation($id: ID!) { probeServer(input: {serverId: $id}) { probe { reachable } } }', { id: governed.serverId });
  expect(await healthOf(governed)).toMatchObject({ health: 'UNREACHABLE' });
});

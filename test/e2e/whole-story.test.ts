/** The product's story from the first sign-in to the verified audit trail, over the public API alone: each chapter needs the ones before it. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { verifyAuditTrail } from '../../bin/audit-verify.ts';
import { startAuthorisationServer, type AuthorisationServer } from '../support/authorisation-server.ts';
import { Browser, PASSWORD, setupToken } from '../support/browser.ts';
import { startGuardedUpstream, type GuardedUpstream } from '../support/guarded-upstream.ts';
import { followTo } from '../support/identity-provider.ts';
import { startTestPlanes, type TestPlanes } from '../support/planes.ts';
import { eventually } from '../support/processes.ts';
import { refusalIn } from '../support/real-clients.ts';
import { done, made, read } from '../support/story.ts';

const BEGAN = new Date(Date.now() - 60_000).toISOString();
const RANGE = { gte: BEGAN };
const CLAUDE = { name: 'claude-code', version: '2.1.0' };

let planes: TestPlanes;
let authority: AuthorisationServer;
let upstream: GuardedUpstream;
let admin: Browser;
let manager: Browser;
/** What one chapter makes for the next ones. */
let serverId: string;
let agentId: string;
let developerId: string;
let key: { id: string; secret: string };
const clients: Client[] = [];

beforeAll(async () => {
  [planes, authority] = await Promise.all([startTestPlanes(), startAuthorisationServer()]);
  upstream = await startGuardedUpstream(authority);
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await planes?.close();
  await Promise.all([upstream?.close(), authority?.close()]);
});

/** A real client that says who it is, in a session of its own. */
async function connect(clientInfo: { name: string; version: string } = CLAUDE, secret = key.secret): Promise<Client> {
  const client = new Client(clientInfo);
  clients.push(client);
  const requestInit = { headers: { authorization: `Bearer ${secret}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(`${planes.dataUrl}/v1/mcp/files`), { requestInit }));
  return client;
}

const call = (client: Client, tool: string, message = 'hello') => client.callTool({ name: tool, arguments: { message } });
const textOf = (result: unknown) => z.looseObject({ content: z.tuple([z.looseObject({ text: z.string() })]) }).parse(result).content[0].text;
/** Resolves when every node decides by what was just saved. */
const enforced = () =>
  eventually(async () => {
    const { dataPlanes } = await read(admin, '{ dataPlanes { configLag } }');
    return z.array(z.object({ configLag: z.literal('0') })).safeParse(dataPlanes).success ? true : undefined;
  }, 'the last change being applied');

test('the first administrator signs up by the one-time link, which is then good for nobody', async () => {
  admin = new Browser(planes.control.graphqlUrl);
  const person = { token: await setupToken(planes.control), email: 'ada@example.com', name: 'Ada', password: PASSWORD };
  await done(admin, 'setUp', 'SetUpInput', person, 'user { id }');
  expect(await admin.whoAmI()).toBe('ada@example.com');
  const { userErrors } = await new Browser(planes.control.graphqlUrl).mutate('setUp', 'SetUpInput', { ...person, email: 'eve@example.com' });
  expect(userErrors).toMatchObject([{ code: 'INVALID' }]);
});

test('she invites a manager who may not install, and a developer', async () => {
  const { roles } = await read(admin, '{ roles { name permissions } }');
  const [managing] = z
    .array(z.object({ name: z.string(), permissions: z.array(z.string()) }))
    .parse(roles)
    .filter(({ name }) => name === 'MANAGER');
  const permissions = managing?.permissions.filter((permission) => permission !== 'CATALOG_INSTALL');
  const roleId = await made(admin, 'createRole', 'CreateRoleInput', { name: 'Tool manager', permissions }, 'role');
  manager = await join('mia@example.com', roleId);
  const developer = await join('dan@agents.example', 'USER');
  const { viewer } = await read(developer, '{ viewer { user { id } } }');
  developerId = z.object({ user: z.object({ id: z.string() }) }).parse(viewer).user.id;
});

async function join(email: string, roleId: string): Promise<Browser> {
  const { token } = z.object({ token: z.string() }).parse(await done(admin, 'inviteMember', 'InviteMemberInput', { email, roleId }, 'token'));
  const browser = new Browser(planes.control.graphqlUrl);
  await done(browser, 'acceptInvitation', 'AcceptInvitationInput', { token, name: email, password: PASSWORD }, 'user { id }');
  return browser;
}

test('the manager asks for a server of the catalogue, and the administrator approves', async () => {
  const entry = { title: 'Files', description: 'Files of the team', publisher: 'us', categories: ['files'], authTypes: ['OAUTH2'] };
  const reach = { remote: { url: upstream.url } };
  const entryId = await made(admin, 'createCatalogEntry', 'CreateCatalogEntryInput', { ...entry, reach }, 'entry');
  const install = `mutation { installCatalogEntry(input: {entryId: "${entryId}"}) { server { id } } }`;
  expect((await manager.ask(install)).errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', permission: 'CATALOG_INSTALL' });
  const requestId = await made(manager, 'requestInstall', 'RequestInstallInput', { entryId, reason: 'for the agents' }, 'request');
  const terms = { slug: 'files', enabled: true, auth: { oauth2: { mode: 'AUTHORIZATION_CODE_ORG' } } };
  const decision = { id: requestId, approve: true, note: 'sign in first', install: terms };
  await done(admin, 'decideInstallRequest', 'DecideInstallRequestInput', decision, 'request { id }');
  const { installRequests } = await read(manager, '{ installRequests { nodes { state decisionNote server { id slug source } } } }');
  const told = z.object({ nodes: z.tuple([z.looseObject({ server: z.looseObject({ id: z.string() }) })]) }).parse(installRequests).nodes[0];
  expect(told).toMatchObject({ state: 'APPROVED', decisionNote: 'sign in first', server: { slug: 'files', source: 'CATALOG' } });
  serverId = told.server.id;
});

test('he signs in at the server for the organisation', async () => {
  const started = await done(manager, 'startServerOAuth', 'ReferenceInput', { id: serverId }, 'authorizeUrl');
  const { authorizeUrl } = z.object({ authorizeUrl: z.string() }).parse(started);
  const back = await followTo(authorizeUrl, `${planes.control.url}/oauth/callback`);
  const response = await fetch(back, { headers: { cookie: manager.cookie ?? '' } });
  expect(response.status).toBe(200);
  const { server } = await read(manager, 'query($id: ID!) { server(id: $id) { auth { oauth { state } } } }', { id: serverId });
  expect(server).toEqual({ auth: { oauth: { state: 'CONNECTED' } } });
});

test('the tools wait for a review; he approves them and switches the destructive one off', async () => {
  await done(manager, 'setToolReview', 'SetToolReviewInput', { id: serverId, review: 'ALL' }, 'server { id }');
  await done(manager, 'discoverTools', 'IdInput', { id: serverId }, 'server { id }');
  const { tools } = await read(manager, 'query($id: ID!) { tools(serverId: $id) { nodes { name risk fingerprint } } }', { id: serverId });
  const { nodes } = z.object({ nodes: z.array(z.object({ name: z.string(), risk: z.string(), fingerprint: z.string() })) }).parse(tools);
  expect(nodes).toContainEqual(expect.objectContaining({ name: 'delete_file', risk: 'DESTRUCTIVE' }));
  const review = { serverId, tools: nodes.map(({ name }) => name), fingerprints: nodes.map(({ fingerprint }) => fingerprint) };
  await done(manager, 'acceptToolChanges', 'AcceptToolChangesInput', review, 'accepted { tool }');
  await done(manager, 'setToolsEnabled', 'SetToolsEnabledInput', { serverId, tools: ['delete_file'], enabled: false }, 'tools { name }');
});

test('he maps an agent to the server, makes a key for the developer and grants it', async () => {
  const { agents } = await read(manager, '{ agents(search: "Claude Code") { nodes { id kind } } }');
  agentId = z.object({ nodes: z.tuple([z.object({ id: z.string(), kind: z.literal('PREDEFINED') })]) }).parse(agents).nodes[0].id;
  const everywhere = [{ name: 'all', allowedServerIds: [serverId] }];
  await done(manager, 'updateAgent', 'UpdateAgentInput', { id: agentId, clients: everywhere }, 'agent { id }');
  const nowhere = [{ name: 'interns', clientNamePattern: 'intern-*', allowedServerIds: [] }];
  await done(manager, 'createAgent', 'CreateAgentInput', { name: 'Intern’s bot', clients: nowhere }, 'agent { id }');
  const answer = await done(manager, 'createApiKey', 'CreateApiKeyInput', { name: 'dan', type: 'USER', ownerId: developerId }, 'apiKey { id } secret');
  const { apiKey, secret } = z.object({ apiKey: z.object({ id: z.string() }), secret: z.string() }).parse(answer);
  key = { id: apiKey.id, secret };
  await done(manager, 'setGrants', 'SetGrantsInput', { add: [{ apiKeyId: key.id, serverId }] }, 'grants { id }');
});

test('he sets a policy, a filter, a price and a budget', async () => {
  const policies = { ratelimit: { requests: { per_hour: 40 }, payload: { max_request_bytes: 20_000 } } };
  await done(manager, 'setPolicy', 'SetPolicyInput', { scope: 'API_KEY', ownerId: key.id, policies }, 'policy { id }');
  const filter = { blockedKeywords: ['project bluebird'], detectors: ['EMAIL'], applyTo: ['REQUEST', 'RESPONSE'], action: 'BLOCK' };
  await done(manager, 'setSemanticFilter', 'SetSemanticFilterInput', { serverId, filter }, 'server { id }');
  await done(manager, 'setPricing', 'SetPricingInput', { serverId, pricing: { usdPerMillionCalls: '1000000' } }, 'server { id }');
  const schedule = { period: 'MONTHLY', timezone: 'UTC' };
  const budget = { name: 'four calls', ownerType: 'API_KEY', ownerId: key.id, limitUsd: '4.5', schedule };
  await done(manager, 'createBudget', 'BudgetInput', budget, 'budget { id }');
  await enforced();
});

test('a real client calls, and every rule says no in its own words', async () => {
  const claude = await connect();
  expect((await claude.listTools()).tools.map(({ name }) => name).toSorted()).toEqual(['echo', 'fail', 'slow']);
  expect(textOf(await call(claude, 'echo'))).toBe('hello');
  expect(await refusalIn(call(claude, 'delete_file'))).toMatchObject({ data: { reason: 'tool_disabled' } });
  expect(await refusalIn(call(claude, 'echo', 'about Project BLUEBIRD'))).toMatchObject({ data: { reason: 'semantic_filter' } });
  expect(await refusalIn(call(claude, 'echo', 'ask ada@example.com'))).toMatchObject({ data: { reason: 'semantic_filter' } });
  const intern = await refusalIn(connect({ name: 'intern-bot', version: '1.0.0' }));
  expect(intern).toMatchObject({ data: { reason: 'agent_not_mapped' } });
  for (let paid = 1; paid < 4; paid++) await call(claude, 'echo');
  expect(await refusalIn(call(claude, 'echo'))).toMatchObject({ data: { reason: 'budget_exhausted' } });
  const { text } = await explained('echo');
  expect(text).toContain('budget_exhausted');
  await done(manager, 'setGrants', 'SetGrantsInput', { add: [{ apiKeyId: key.id, serverId, toolsAllowed: ['slow'] }] }, 'grants { id }');
  await enforced();
  expect(await refusalIn(call(claude, 'echo'))).toMatchObject({ data: { reason: 'tool_not_allowed' } });
});

/** What the API says would become of such a call, as text. */
async function explained(tool: string): Promise<{ text: string }> {
  const query = 'query($input: ExplainAccessInput!) { explainAccess(input: $input) { explanation { allowed denial { reason } } userErrors { message } } }';
  return { text: JSON.stringify(await read(manager, query, { input: { apiKeyId: key.id, serverId, tool, clientName: CLAUDE.name } })) };
}

const REASONS = ['agent_not_mapped', 'budget_exhausted', 'semantic_filter', 'tool_disabled', 'tool_not_allowed'];

test('the log is filtered by time, server, tool, agent, domain of the user and what filters did', async () => {
  const reasons = await eventually(async () => {
    const told = new Set((await records({})).flatMap(({ denial }) => denial?.reason ?? []));
    return REASONS.every((reason) => told.has(reason)) ? told : undefined;
  }, 'every denial being recorded');
  expect([...reasons].toSorted()).toEqual(REASONS);
  const all = await records({});
  expect(await records({ serverId: [serverId], agentId: [agentId], userDomain: ['agents.example'] })).toHaveLength(
    all.filter(({ denial }) => denial?.reason !== 'agent_not_mapped').length,
  );
  expect((await records({ tool: ['delete_file'] })).map(({ denial }) => denial?.reason)).toEqual(['tool_disabled']);
  expect(await records({ dlpOutcome: ['BLOCKED'] })).toHaveLength(2);
  expect(await records({ range: { lt: BEGAN } })).toEqual([]);
  expect(await records({ userDomain: ['example.com'] })).toEqual([]);
  expect(all.filter(({ cost }) => cost.nanosUsd === '1000000000')).toHaveLength(4);
});

const recordsSchema = z.object({
  nodes: z.array(z.object({ requestId: z.string(), denial: z.object({ reason: z.string() }).nullable(), cost: z.object({ nanosUsd: z.string() }) })),
});

async function records(filter: Record<string, unknown>) {
  const query = 'query($filter: UsageFilter!) { usageRecords(filter: $filter) { nodes { requestId denial { reason } cost { nanosUsd } } } }';
  const { usageRecords } = await read(manager, query, { filter: { range: RANGE, ...filter } });
  return recordsSchema.parse(usageRecords).nodes;
}

test('the graph and the inventory show who calls what', async () => {
  const graph = 'query($filter: UsageFilter!) { workflowGraph(filter: $filter) { nodes { kind label calls denied } edges { calls } } }';
  const { workflowGraph } = await read(manager, graph, { filter: { range: RANGE, agentId: [agentId] } });
  const { nodes } = z.object({ nodes: z.array(z.looseObject({ kind: z.string(), label: z.string() })) }).parse(workflowGraph);
  expect(nodes.map(({ kind, label }) => `${kind} ${label}`)).toEqual(expect.arrayContaining(['AGENT Claude Code', 'SERVER files', 'TOOL echo']));
  const { inventory } = await read(
    manager,
    '{ inventory { nodes { server { slug } toolCount enabledToolCount riskyTools dlpAction status lastActivityAt } } }',
  );
  expect(inventory).toMatchObject({ nodes: [{ server: { slug: 'files' }, toolCount: 4, enabledToolCount: 3, dlpAction: 'BLOCK', status: 'CONNECTED' }] });
});

test('a revoked key opens nothing any more', async () => {
  const claude = await connect();
  await done(manager, 'revokeApiKey', 'IdInput', { id: key.id }, 'apiKey { id }');
  await enforced();
  await expect(call(claude, 'slow')).rejects.toThrow();
  await expect(connect()).rejects.toThrow(/revoked/);
});

test('the audit trail holds, and tells of everybody who did something', async () => {
  const { auditEvents } = await read(admin, '{ auditEvents(first: 200) { nodes { action actorKind } } }');
  const { nodes } = z.object({ nodes: z.array(z.object({ action: z.string(), actorKind: z.string() })) }).parse(auditEvents);
  const actions = ['setUp', 'createRole', 'inviteMember', 'acceptInvitation', 'requestInstall', 'decideInstallRequest', 'createServer', 'discoverTools'];
  expect(nodes.map(({ action }) => action)).toEqual(expect.arrayContaining([...actions, 'acceptToolChanges', 'updateAgent', 'setGrant', 'revokeApiKey']));
  const { databaseUrl, secretKey, dataDirectory } = planes.control.settings;
  const environment = { DATABASE_URL: databaseUrl, TURNPIKE_SECRET_KEY: secretKey, TURNPIKE_DATA_DIR: dataDirectory };
  let output = '';
  expect(await verifyAuditTrail(environment, { headFiles: [], write: (text) => (output += text) }), output).toBe(true);
});

/** Every operation asks for its permission, whoever calls: made from the schema, so that a new operation cannot be forgotten. */
import { assertObjectType, type GraphQLField } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PERMISSIONS, type Permission } from '../../../control-plane/access/permissions.ts';
import { makeSchema } from '../../../control-plane/schema.ts';
import { mintToken } from '../../../shared/token.ts';
import { Browser, newMember, type Member } from '../../support/browser.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';

/** The input with which each mutation gets as far as its permission. A mutation that is missing here fails the first test. */
const INPUTS: Readonly<Record<string, string>> = {
  createServer: '{name: "s", transport: STREAMABLE_HTTP, endpointUrl: "http://127.0.0.1:9/", dryRun: true}',
  updateServer: '{id: "srv_x"}',
  setServerEnabled: '{id: "srv_x", enabled: false}',
  deleteServer: '{id: "srv_x"}',
  setServerAuth: '{id: "srv_x", auth: {none: true}}',
  setToolRules: '{id: "srv_x", allowedTools: [], blockedTools: []}',
  setPricing: '{serverId: "srv_x", pricing: {}}',
  setSemanticFilter: '{serverId: "srv_x"}',
  createApiKey: '{name: "k", type: TEAM, ownerId: "tea_x"}',
  rotateApiKey: '{id: "key_x"}',
  revokeApiKey: '{id: "key_x"}',
  setGrants: '{remove: ["grt_x"]}',
  setPolicy: '{scope: TEAM, ownerId: "tea_x", policies: {}}',
  createBudget: '{name: "b", ownerType: TEAM, ownerId: "tea_x", limitUsd: "1", schedule: {period: DAILY, timezone: "UTC"}}',
  updateBudget: '{id: "lim_x"}',
  createQuota: '{name: "q", ownerType: TEAM, ownerId: "tea_x", metric: REQUESTS, limit: "1", schedule: {period: DAILY, timezone: "UTC"}}',
  updateQuota: '{id: "lim_x"}',
  deleteLimit: '{id: "lim_x"}',
  upsertTeam: '{id: "tea_x", name: "t"}',
  retryDeadLetters: '{}',
  inviteMember: '{email: "x@example.com", roleId: "rol_x"}',
  revokeInvitation: '{id: "inv_x"}',
  updateMember: '{id: "mem_x"}',
  removeMember: '{id: "mem_x"}',
  createRole: '{name: "r", permissions: []}',
  updateRole: '{id: "rol_x"}',
  deleteRole: '{id: "rol_x"}',
  createAdminToken: '{name: "t", permissions: []}',
  revokeAdminToken: '{id: "adm_x"}',
  probeServer: '{endpointUrl: "http://127.0.0.1:9/"}',
  importServers: '{document: {mcpServers: {}}}',
  discoverTools: '{id: "srv_x"}',
  setToolReview: '{id: "srv_x", review: ALL}',
  setToolsEnabled: '{serverId: "srv_x", tools: [], enabled: false}',
  setToolRisk: '{serverId: "srv_x", tools: []}',
  acceptToolChanges: '{serverId: "srv_x", tools: [], fingerprints: []}',
  createCatalogEntry:
    '{title: "t", description: "d", publisher: "p", categories: ["c"], authTypes: [NONE], reach: {remote: {url: "https://example.com"}}, dryRun: true}',
  updateCatalogEntry: '{id: "cat_x"}',
  deleteCatalogEntry: '{id: "cat_x"}',
  installCatalogEntry: '{entryId: "cat_x"}',
  decideInstallRequest: '{id: "ins_x", approve: false}',
};
/** For whoever has signed in, about himself; a token may not call them, whatever its permissions. */
const OF_PEOPLE: Readonly<Record<string, string>> = {
  signOut: '',
  revokeSession: '(input: {id: "ses_x"})',
  revokeOtherSessions: '',
  changePassword: '(input: {currentPassword: "x", newPassword: "y"})',
  requestInstall: '(input: {entryId: "cat_x"})',
  withdrawInstallRequest: '(input: {id: "ins_x"})',
};
/** For everybody: what they hold is judged by itself. */
const OF_EVERYBODY: Readonly<Record<string, string>> = {
  signIn: '(input: {email: "x@example.com", password: "x"})',
  acceptInvitation: '(input: {token: "x", name: "x", password: "x"})',
  setUp: '(input: {token: "x", email: "x@example.com", name: "x", password: "x"})',
};
/** For data planes; an administrator may not call them at all. */
const OF_DATA_PLANES: Readonly<Record<string, string>> = {
  dataPlaneHello: '{name: "d", version: "1", configVersion: "0", ready: true, inFlight: 0, endpoints: []}',
  acknowledgeConfig: '{dataPlaneId: "dpl_x", version: "1"}',
};

const mutations = Object.values(assertObjectType(makeSchema().getMutationType()).getFields());
let plane: TestControlPlane;
/** Has signed in, and may do nothing. */
let nobody: Member;

beforeAll(async () => {
  plane = await startTestControlPlane();
  nobody = await newMember(plane, 'nobody@example.com', 'USER');
});
afterAll(() => plane?.close());

function permissionOf({ description }: GraphQLField<unknown, unknown>): Permission | undefined {
  return PERMISSIONS.find((permission) => description?.includes(`Needs ${permission}.`) === true);
}

function call(mutation: string, token: string | null, input = INPUTS[mutation] ?? OF_DATA_PLANES[mutation]) {
  const selection = mutation in OF_DATA_PLANES ? '__typename' : 'userErrors { code }';
  return plane.ask(`mutation { answer: ${mutation}(input: ${input}) { ${selection} } }`, {}, token);
}

test('every mutation is in the matrix, and says which permission it needs', () => {
  expect(mutations.map(({ name }) => name).toSorted()).toEqual(Object.keys({ ...INPUTS, ...OF_PEOPLE, ...OF_EVERYBODY, ...OF_DATA_PLANES }).toSorted());
  expect(mutations.filter((mutation) => mutation.name in INPUTS && permissionOf(mutation) === undefined).map(({ name }) => name)).toEqual([]);
});

describe.each(mutations.filter(({ name }) => name in INPUTS).map((mutation) => [mutation.name, mutation] as const))('%s', (name, mutation) => {
  test('refuses nobody, every token without its permission, and data planes', async () => {
    const needed = permissionOf(mutation);
    const { token: without } = await plane.newAdminToken({ permissions: PERMISSIONS.filter((permission) => permission !== needed) });
    const { token: dataPlane } = await plane.newDataPlaneToken();
    expect((await call(name, null)).errors?.[0]?.extensions).toMatchObject({ code: 'UNAUTHENTICATED' });
    expect((await call(name, without)).errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', permission: needed });
    expect((await call(name, dataPlane)).errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN' });
  });

  test('takes a token with that permission alone', async () => {
    const { token } = await plane.newAdminToken({ permissions: PERMISSIONS.filter((permission) => permission === permissionOf(mutation)) });
    const answer = await call(name, token);
    expect(answer.errors).toBeUndefined();
    expect(answer.data).toBeDefined();
  });
});

test.each(Object.entries(OF_PEOPLE))('%s refuses nobody, tokens and data planes, and takes whoever has signed in', async (name, input) => {
  const mutation = `mutation { ${name}${input} { userErrors { code } } }`;
  const { token } = await plane.newDataPlaneToken();
  expect((await plane.ask(mutation, {}, null)).errors?.[0]?.extensions).toMatchObject({ code: 'UNAUTHENTICATED' });
  for (const asker of [plane.token, token]) expect((await plane.ask(mutation, {}, asker)).errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN' });
  const { browser } = await newMember(plane, `${name.toLowerCase()}@example.com`, 'USER');
  expect((await browser.ask(mutation)).errors).toBeUndefined();
});

test.each(Object.entries(OF_EVERYBODY))('%s takes everybody, who must hold what it asks for', async (name, input) => {
  const answer = await new Browser(plane.graphqlUrl).ask(`mutation { answer: ${name}${input} { user { id } userErrors { code } } }`);
  expect(answer.data).toMatchObject({ answer: { user: null, userErrors: [{ code: 'INVALID' }] } });
});

test.each(Object.keys(INPUTS))('%s refuses a person whose role lacks the permission', async (name) => {
  const { browser } = nobody;
  const answer = await browser.ask(`mutation { answer: ${name}(input: ${INPUTS[name]}) { userErrors { code } } }`);
  expect(answer.errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN' });
});

test.each(Object.keys(OF_DATA_PLANES))('%s refuses administrators and nobody', async (name) => {
  expect((await call(name, null)).errors?.[0]?.extensions).toMatchObject({ code: 'UNAUTHENTICATED' });
  expect((await call(name, plane.token)).errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN' });
});

test.each([
  'viewer { permissions }',
  'servers { nodes { id } }',
  'server(id: "x") { id }',
  'apiKeys { nodes { id } }',
  'apiKey(id: "x") { id }',
  'grants { nodes { id } }',
  'policies { id }',
  'budgets { nodes { id } }',
  'quotas { nodes { id } }',
  'roles { id }',
  'members { nodes { id } }',
  'invitations { nodes { id } }',
  'adminTokens { nodes { id } }',
  'sessions { id }',
  'tools(serverId: "x") { nodes { id } }',
  'catalog { nodes { id } }',
  'installRequests { nodes { id } }',
  'inventory { nodes { toolCount } }',
  'clientSnippets(serverId: "x") { content }',
  'node(id: "x") { id }',
  'nodes(ids: []) { id }',
  'schemaInfo { version }',
])('{ %s } refuses nobody and data planes', async (query) => {
  const { token } = await plane.newDataPlaneToken();
  expect((await plane.ask(`{ ${query} }`, {}, null)).errors?.[0]?.extensions).toMatchObject({ code: 'UNAUTHENTICATED' });
  expect((await plane.ask(`{ ${query} }`, {}, token)).errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN' });
});

test.each(['members { nodes { id } }', 'invitations { nodes { id } }', 'adminTokens { nodes { id } }'])('{ %s } needs MEMBER_MANAGE', async (query) => {
  expect((await nobody.browser.ask(`{ ${query} }`)).errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', permission: 'MEMBER_MANAGE' });
});

test('what a token may not give by itself it may not give in passing', async () => {
  const { token } = await plane.newAdminToken({ permissions: ['KEY_MANAGE', 'SERVER_CREATE'] });
  const server = await plane.admin.createServer({ name: 'granted', transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/' });
  const key = await plane.admin.createApiKey();
  const http = 'name: "s", transport: STREAMABLE_HTTP, endpointUrl: "http://127.0.0.1:9/"';
  const permissionAsked = async (mutation: string, input: string) => (await call(mutation, token, input)).errors?.[0]?.extensions?.['permission'];
  expect(await permissionAsked('createApiKey', `{name: "k", type: ORGANISATION, grantServerIds: ["${server.id}"]}`)).toBe('GRANT_MANAGE');
  expect(await permissionAsked('createApiKey', '{name: "k", type: ORGANISATION, policy: {ip: {}}}')).toBe('POLICY_MANAGE');
  expect(await permissionAsked('createServer', `{${http}, grantTo: ["${key.id}"]}`)).toBe('GRANT_MANAGE');
  expect(await permissionAsked('createServer', `{${http}, policy: {ip: {}}}`)).toBe('POLICY_MANAGE');
  expect(await plane.database.query(`select count(*)::int as made from mcp_servers where name = 's'`)).toEqual([{ made: 0 }]);
});

test('each wrong token is told what it is', async () => {
  const why = async (token: string) => (await plane.ask('{ viewer { permissions } }', {}, token)).errors?.[0]?.message;
  expect(await why(mintToken('apiKey').token)).toContain('this is a virtual API key (vk_…); the API takes admin tokens (tpa_…)');
  expect(await why(mintToken('adminToken').token)).toContain('not known');
  expect(await why(mintToken('invitation').token)).toContain('this is an invitation (tpi_…)');
  expect(await why('nonsense')).toContain('not of the form tpa_…');
  expect(await why((await plane.newAdminToken({ expiresAt: new Date(Date.now() - 1000) })).token)).toContain('has expired');
});

test('a revoked token is a stranger from the next request on', async () => {
  const { token, id } = await plane.newAdminToken();
  expect((await plane.ask('{ viewer { permissions } }', {}, token)).errors).toBeUndefined();
  await plane.database.query('update admin_tokens set revoked_at = now() where id = $1', [id]);
  expect((await plane.ask('{ viewer { permissions } }', {}, token)).errors?.[0]?.extensions).toMatchObject({ code: 'UNAUTHENTICATED' });
});

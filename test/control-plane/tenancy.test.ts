/** Nothing is visible, countable or changeable across organisations: a foreign id behaves as one that does not exist. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { newMember } from '../support/browser.ts';
import { newId } from '../../shared/ids.ts';
import { writeUsageEvent } from '../../shared/usage-event.ts';
import { startTestControlPlane, userErrorsOf, type TestControlPlane } from '../support/control-plane.ts';
import { eventually } from '../support/processes.ts';
import { usageEvent } from '../support/usage.ts';

const UNKNOWN = {
  server: 'srv_01arz3ndektsv4rrffq69g5fav',
  key: 'key_01arz3ndektsv4rrffq69g5fav',
  grant: 'grt_01arz3ndektsv4rrffq69g5fav',
  team: 'tea_01arz3ndektsv4rrffq69g5fav',
  budget: 'lim_01arz3ndektsv4rrffq69g5fav',
  quota: 'lim_01arz3ndektsv4rrffq69g5fav',
  member: 'mem_01arz3ndektsv4rrffq69g5fav',
  invitation: 'inv_01arz3ndektsv4rrffq69g5fav',
  role: 'rol_01arz3ndektsv4rrffq69g5fav',
  adminToken: 'adm_01arz3ndektsv4rrffq69g5fav',
  entry: 'cat_01arz3ndektsv4rrffq69g5fav',
  request: 'ins_01arz3ndektsv4rrffq69g5fav',
  policy: 'pol_01arz3ndektsv4rrffq69g5fav',
  tool: 'tol_01arz3ndektsv4rrffq69g5fav',
  user: 'usr_01arz3ndektsv4rrffq69g5fav',
  organisation: 'org_01arz3ndektsv4rrffq69g5fav',
  event: 'aud_01arz3ndektsv4rrffq69g5fav',
  record: 'use_01arz3ndektsv4rrffq69g5fav',
};

const ENTRY = {
  title: 'Their own entry',
  description: 'Theirs',
  publisher: 'They',
  categories: ['data'],
  authTypes: ['NONE'],
  reach: { remote: { url: 'http://127.0.0.1:9/mcp' } },
};
const SCHEDULE = { period: 'DAILY', timezone: 'UTC' };
const BUDGET = { name: 'b', limitUsd: '1', schedule: SCHEDULE };
const QUOTA = { name: 'q', metric: 'REQUESTS', limit: '1', schedule: SCHEDULE };

let plane: TestControlPlane;
/** What the other organisation has. */
let foreign: typeof UNKNOWN;
let own: { server: string; key: string; member: string };

beforeAll(async () => {
  plane = await startTestControlPlane();
  const other = await plane.newOrganisation('other');
  const server = await other.admin.createServer({
    name: 'Theirs',
    slug: 'theirs',
    transport: 'STREAMABLE_HTTP',
    endpointUrl: 'http://127.0.0.1:9/',
    policy: { ip: {} },
  });
  const key = await other.admin.createApiKey({ policy: { ip: {} } });
  const { team } = await other.admin.mutate('upsertTeam', 'UpsertTeamInput', { name: 'Their team' }, 'team { id }');
  const daily = { name: 'Theirs', ownerType: 'ORGANISATION', schedule: SCHEDULE };
  const { budget } = await other.admin.mutate('createBudget', 'BudgetInput', { ...daily, limitUsd: '1' }, 'budget { id }');
  const { quota } = await other.admin.mutate('createQuota', 'QuotaInput', { ...daily, metric: 'REQUESTS', limit: '1' }, 'quota { id }');
  const idOf = (made: unknown) => z.object({ id: z.string() }).parse(made).id;
  const grant = await other.admin.grant(key.id, server.id);
  const { role } = await other.admin.mutate('createRole', 'CreateRoleInput', { name: 'Theirs', permissions: [] }, 'role { id }');
  const { adminToken } = await other.admin.mutate('createAdminToken', 'CreateAdminTokenInput', { name: 'Theirs', permissions: [] }, 'adminToken { id }');
  const person = { email: 'theirs@example.com', roleId: 'USER' };
  const { membershipId: member, userId: user, browser } = await newMember({ ...plane, admin: other.admin }, 'member@example.com', 'USER');
  const { entry } = await other.admin.mutate('createCatalogEntry', 'CreateCatalogEntryInput', ENTRY, 'entry { id }');
  const { request } = await browser.mutate('requestInstall', 'RequestInstallInput', { entryId: idOf(entry) }, 'request { id }');
  const rest = { entry: idOf(entry), request: idOf(request), user, organisation: other.organisationId, ...(await makeUnseen(other.organisationId, server.id)) };
  const { invitation } = await other.admin.mutate('inviteMember', 'InviteMemberInput', person, 'invitation { id }');
  const people = { member, invitation: idOf(invitation), role: idOf(role), adminToken: idOf(adminToken) };
  foreign = { server: server.id, key: key.id, grant, team: idOf(team), budget: idOf(budget), quota: idOf(quota), ...people, ...rest };
  await plane.database.query(
    `insert into limit_reconciliations (id, organisation_id, limit_id, starts_at, ends_at, checked_at, epoch, used, recorded, not_counted, reserved, under_way, rolled_up)
     values ('window', $1, $2, now(), now(), now(), '', 0, 0, 0, 0, 0, '{}')`,
    [other.organisationId, foreign.budget],
  );
  own = {
    server: (await plane.admin.createServer({ name: 'Ours', transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/' })).id,
    key: (await plane.admin.createApiKey()).id,
    member: (await newMember(plane, 'ours@example.com', 'USER')).membershipId,
  };
});
afterAll(() => plane?.close());

/** What no mutation makes, or none answers the id of. */
async function makeUnseen(organisationId: string, serverId: string): Promise<Pick<typeof UNKNOWN, 'policy' | 'tool' | 'event' | 'record'>> {
  const tool = newId('tool');
  await plane.database.query(
    `insert into tools (id, organisation_id, mcp_server_id, name, definition, fingerprint, approved_definition, approved_fingerprint, risk, first_seen_at, last_seen_at)
     values ($1, $2, $3, 'theirs', '{}', '', '{}', '', 'UNKNOWN', now(), now())`,
    [tool, organisationId, serverId],
  );
  plane.usageQueue.append(writeUsageEvent(usageEvent({ organisationId, serverId })));
  const id = (table: string) =>
    eventually(async () => (await plane.database.query(`select id from ${table} where organisation_id = $1 limit 1`, [organisationId]))[0]?.['id'], table);
  const [policy, event, record] = [await id('policies'), await id('audit_events'), await id('usage_records')];
  return { policy: String(policy), tool, event: String(event), record: String(record) };
}

test('lists, counts and look-ups hold the own organisation only', async () => {
  const answer = await plane.admin.query(
    `query($server: ID!, $key: ID!) {
      servers { totalCount nodes { id } } apiKeys { totalCount nodes { id } } grants { totalCount nodes { id } } policies { id }
      budgets { totalCount nodes { id } } quotas { totalCount nodes { id } } ofServer: budgets(ownerId: [$server]) { nodes { id } }
      members { totalCount nodes { id } } invitations { totalCount nodes { id } } roles { id }
      viewer { organisation { slug teams { totalCount nodes { id } } } }
      byId: server(id: $server) { id } bySlug: server(slug: "theirs") { id } apiKey(id: $key) { id } ofKey: grants(apiKeyId: $key) { nodes { id } }
      reconciliation { counted } installRequests { totalCount nodes { id } } catalog(search: "their own entry") { totalCount nodes { id } }
      inventory { totalCount nodes { server { id } } } snippets: clientSnippets(serverId: $server) { content }
    }`,
    { server: foreign.server, key: foreign.key },
  );
  expect(answer).toEqual({
    servers: { totalCount: 1, nodes: [{ id: own.server }] },
    apiKeys: { totalCount: 1, nodes: [{ id: own.key }] },
    grants: { totalCount: 0, nodes: [] },
    policies: [],
    budgets: { totalCount: 0, nodes: [] },
    quotas: { totalCount: 0, nodes: [] },
    ofServer: { nodes: [] },
    reconciliation: [],
    installRequests: { totalCount: 0, nodes: [] },
    catalog: { totalCount: 0, nodes: [] },
    inventory: { totalCount: 1, nodes: [{ server: { id: own.server } }] },
    snippets: [],
    members: { totalCount: 1, nodes: [{ id: own.member }] },
    invitations: { totalCount: 0, nodes: [] },
    roles: ['SUPER_ADMIN', 'ORG_ADMIN', 'MANAGER', 'USER', 'AUDITOR'].map((id) => ({ id })),
    viewer: { organisation: { slug: 'default', teams: { totalCount: 0, nodes: [] } } },
    byId: null,
    bySlug: null,
    apiKey: null,
    ofKey: { nodes: [] },
  });
});

test('no id of another organisation is found, whatever it is the id of', async () => {
  const { nodes } = await plane.admin.query('query($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids: Object.values(foreign) });
  expect(nodes).toEqual(Object.values(foreign).map(() => null));
  for (const id of Object.values(foreign)) expect((await plane.admin.query('query($id: ID!) { node(id: $id) { id } }', { id }))['node']).toBeNull();
});

test('a slug of another organisation is free', async () => {
  const { slug } = await plane.admin.createServer({ name: 'Theirs', transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/' });
  expect(slug).toBe('theirs');
});

describe('each mutation refuses a foreign id exactly as one that does not exist', () => {
  const cases: [string, string, (ids: typeof UNKNOWN) => Record<string, unknown>][] = [
    ['updateServer', 'UpdateServerInput', ({ server }) => ({ id: server, name: 'mine now' })],
    ['deleteServer', 'DeleteServerInput', ({ server }) => ({ id: server })],
    ['updateCatalogEntry', 'UpdateCatalogEntryInput', ({ entry }) => ({ id: entry, title: 'mine now' })],
    ['deleteCatalogEntry', 'IdInput', ({ entry }) => ({ id: entry })],
    ['installCatalogEntry', 'InstallCatalogEntryInput', ({ entry }) => ({ entryId: entry })],
    ['installCatalogEntry', 'InstallCatalogEntryInput', ({ key }) => ({ entryId: 'cat_deepwiki', grantTo: [key] })],
    ['decideInstallRequest', 'DecideInstallRequestInput', ({ request }) => ({ id: request, approve: false })],
    ['setServerEnabled', 'SetEnabledInput', ({ server }) => ({ id: server, enabled: false })],
    ['setServerAuth', 'SetServerAuthInput', ({ server }) => ({ id: server, auth: { none: true } })],
    ['setToolRules', 'SetToolRulesInput', ({ server }) => ({ id: server, allowedTools: [], blockedTools: [] })],
    ['setPricing', 'SetPricingInput', ({ server }) => ({ serverId: server, pricing: {} })],
    ['setSemanticFilter', 'SetSemanticFilterInput', ({ server }) => ({ serverId: server })],
    ['probeServer', 'ProbeServerInput', ({ server }) => ({ serverId: server })],
    ['discoverTools', 'IdInput', ({ server }) => ({ id: server })],
    ['setToolReview', 'SetToolReviewInput', ({ server }) => ({ id: server, review: 'ALL' })],
    ['setToolsEnabled', 'SetToolsEnabledInput', ({ server }) => ({ serverId: server, tools: [], enabled: false })],
    ['setToolRisk', 'SetToolRiskInput', ({ server }) => ({ serverId: server, tools: [] })],
    ['acceptToolChanges', 'AcceptToolChangesInput', ({ server }) => ({ serverId: server, tools: [], fingerprints: [] })],
    ['rotateApiKey', 'RotateApiKeyInput', ({ key }) => ({ id: key })],
    ['revokeApiKey', 'IdInput', ({ key }) => ({ id: key })],
    ['setGrants', 'SetGrantsInput', ({ key }) => ({ add: [{ apiKeyId: key, serverId: own.server }] })],
    ['setGrants', 'SetGrantsInput', ({ server }) => ({ add: [{ apiKeyId: own.key, serverId: server }] })],
    ['setGrants', 'SetGrantsInput', ({ grant }) => ({ remove: [grant] })],
    ['setPolicy', 'SetPolicyInput', ({ key }) => ({ scope: 'API_KEY', ownerId: key, policies: {} })],
    ['setPolicy', 'SetPolicyInput', ({ server }) => ({ scope: 'MCP_SERVER', ownerId: server, policies: {} })],
    ['setPolicy', 'SetPolicyInput', ({ team }) => ({ scope: 'TEAM', ownerId: team, policies: {} })],
    ['upsertTeam', 'UpsertTeamInput', ({ team }) => ({ id: team, name: 'mine now' })],
    ['createApiKey', 'CreateApiKeyInput', ({ team }) => ({ name: 'k', type: 'TEAM', ownerId: team })],
    ['createApiKey', 'CreateApiKeyInput', ({ server }) => ({ name: 'k', type: 'ORGANISATION', grantServerIds: [server] })],
    ['createServer', 'CreateServerInput', ({ key }) => ({ name: 's', transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/', grantTo: [key] })],
    [
      'createServer',
      'CreateServerInput',
      ({ team }) => ({ name: 's', transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/', scope: { teamId: team } }),
    ],
    ['createBudget', 'BudgetInput', ({ team }) => ({ ...BUDGET, ownerType: 'TEAM', ownerId: team })],
    ['createBudget', 'BudgetInput', ({ key }) => ({ ...BUDGET, ownerType: 'API_KEY', ownerId: key })],
    ['createBudget', 'BudgetInput', ({ server }) => ({ ...BUDGET, ownerType: 'MCP_SERVER', ownerId: server })],
    ['createBudget', 'BudgetInput', ({ server }) => ({ ...BUDGET, ownerType: 'ORGANISATION', serverId: server })],
    ['createQuota', 'QuotaInput', ({ key }) => ({ ...QUOTA, ownerType: 'API_KEY', ownerId: key })],
    ['updateBudget', 'UpdateBudgetInput', ({ budget }) => ({ id: budget, limitUsd: '2' })],
    ['updateQuota', 'UpdateQuotaInput', ({ quota }) => ({ id: quota, limit: '2' })],
    ['deleteLimit', 'IdInput', ({ budget }) => ({ id: budget })],
    ['updateServer', 'UpdateServerInput', ({ key }) => ({ id: own.server, scope: { apiKeyId: key } })],
    ['inviteMember', 'InviteMemberInput', ({ role }) => ({ email: 'x@example.com', roleId: role })],
    ['inviteMember', 'InviteMemberInput', ({ team }) => ({ email: 'x@example.com', roleId: 'USER', teamId: team })],
    ['revokeInvitation', 'ReferenceInput', ({ invitation }) => ({ id: invitation })],
    ['updateMember', 'UpdateMemberInput', ({ member }) => ({ id: member, suspended: true })],
    ['updateMember', 'UpdateMemberInput', ({ role }) => ({ id: own.member, roleId: role })],
    ['updateMember', 'UpdateMemberInput', ({ team }) => ({ id: own.member, teamId: team })],
    ['removeMember', 'IdInput', ({ member }) => ({ id: member })],
    ['updateRole', 'UpdateRoleInput', ({ role }) => ({ id: role, name: 'mine now' })],
    ['deleteRole', 'IdInput', ({ role }) => ({ id: role })],
    ['revokeAdminToken', 'ReferenceInput', ({ adminToken }) => ({ id: adminToken })],
  ];

  test.each(cases)('%s (%s)', async (mutation, inputType, input) => {
    const before = await plane.database.query('select version from config_version');
    const refused = await userErrorsOf(plane, mutation, inputType, input(foreign));
    expect(refused).toMatchObject([{ code: 'NOT_FOUND' }]);
    expect(refused).toEqual(await userErrorsOf(plane, mutation, inputType, input(UNKNOWN)));
    expect(await plane.database.query('select version from config_version')).toEqual(before);
  });
});

test('an unknown organisation is no owner of a policy', async () => {
  const [other] = await plane.database.query(`select id from organisations where slug = 'other'`);
  expect(await userErrorsOf(plane, 'setPolicy', 'SetPolicyInput', { scope: 'ORGANISATION', ownerId: other?.['id'], policies: {} })).toMatchObject([
    { code: 'NOT_FOUND', field: ['ownerId'] },
  ]);
});

test('somebody may be a member of two organisations, as two people', async () => {
  const { id: userId } = z.object({ id: z.string() }).parse((await plane.database.query(`select id from users where email = 'member@example.com'`))[0]);
  const here = await newMember(plane, 'member@example.com', 'ORG_ADMIN');
  expect(here.userId).not.toBe(userId);
  expect((await here.browser.ask('{ viewer { organisation { slug } } }')).data).toEqual({ viewer: { organisation: { slug: 'default' } } });
});

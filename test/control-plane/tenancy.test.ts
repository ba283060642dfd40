/** Nothing is visible or countable across organisations. That a foreign id behaves as one that does not exist is in the matrix (access/). */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { newMember } from '../support/browser.ts';
import { startTestControlPlane, userErrorsOf, type TestControlPlane } from '../support/control-plane.ts';

const SCHEDULE = { period: 'DAILY', timezone: 'UTC' };

let plane: TestControlPlane;
/** What the other organisation has. */
let foreign: { server: string; key: string; agent: string; predefined: string };
let own: { server: string; key: string; member: string; agent: string };

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
  await other.admin.mutate('upsertTeam', 'UpsertTeamInput', { name: 'Their team' }, 'team { id }');
  const daily = { name: 'Theirs', ownerType: 'ORGANISATION', schedule: SCHEDULE };
  const { budget } = await other.admin.mutate('createBudget', 'BudgetInput', { ...daily, limitUsd: '1' }, 'budget { id }');
  await other.admin.mutate('createQuota', 'QuotaInput', { ...daily, metric: 'REQUESTS', limit: '1' }, 'quota { id }');
  await other.admin.grant(key.id, server.id);
  await other.admin.mutate('createRole', 'CreateRoleInput', { name: 'Theirs', permissions: [] }, 'role { id }');
  await other.admin.mutate('createAdminToken', 'CreateAdminTokenInput', { name: 'Theirs', permissions: [] }, 'adminToken { id }');
  const person = { email: 'theirs@example.com', roleId: 'USER' };
  const { browser } = await newMember({ ...plane, admin: other.admin }, 'member@example.com', 'USER');
  const reach = { remote: { url: 'http://127.0.0.1:9/mcp' } };
  const entry = { title: 'Their own entry', description: 'Theirs', publisher: 'They', categories: ['data'], authTypes: ['NONE'], reach };
  await other.admin.mutate('createCatalogEntry', 'CreateCatalogEntryInput', entry, 'entry { id }');
  await browser.mutate('requestInstall', 'RequestInstallInput', { entryId: 'cat_github' });
  await other.admin.mutate('inviteMember', 'InviteMemberInput', person, 'invitation { id }');
  const { agent } = await other.admin.mutate('createAgent', 'CreateAgentInput', { name: 'Theirs' }, 'agent { id }');
  const { agents } = await other.admin.query('{ agents(kind: PREDEFINED, first: 1) { nodes { id } } }');
  const [predefined] = z.object({ nodes: z.array(z.unknown()) }).parse(agents).nodes;
  await plane.database.query(`insert into client_sightings values ($1, 'theirs', '', '', '{}', 1, now(), now())`, [other.organisationId]);
  const idOf = (made: unknown) => z.object({ id: z.string() }).parse(made).id;
  foreign = { server: server.id, key: key.id, agent: idOf(agent), predefined: idOf(predefined) };
  await plane.database.query(
    `insert into limit_reconciliations (id, organisation_id, limit_id, starts_at, ends_at, checked_at, epoch, used, recorded, not_counted, reserved, under_way, rolled_up)
     values ('window', $1, $2, now(), now(), now(), '', 0, 0, 0, 0, 0, '{}')`,
    [other.organisationId, idOf(budget)],
  );
  own = {
    server: (await plane.admin.createServer({ name: 'Ours', transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/' })).id,
    key: (await plane.admin.createApiKey()).id,
    member: (await newMember(plane, 'ours@example.com', 'USER')).membershipId,
    agent: idOf((await plane.admin.mutate('createAgent', 'CreateAgentInput', { name: 'Ours' }, 'agent { id }'))['agent']),
  };
});
afterAll(() => plane?.close());

test('lists, counts and look-ups hold the own organisation only', async () => {
  const answer = await plane.admin.query(
    `query($server: ID!, $key: ID!, $agent: ID!, $predefined: ID!) {
      servers { totalCount nodes { id } } apiKeys { totalCount nodes { id } } grants { totalCount nodes { id } } policies { id }
      budgets { totalCount nodes { id } } quotas { totalCount nodes { id } } ofServer: budgets(ownerId: [$server]) { nodes { id } }
      members { totalCount nodes { id } } invitations { totalCount nodes { id } } roles { id }
      viewer { organisation { slug teams { totalCount nodes { id } } } }
      byId: server(id: $server) { id } bySlug: server(slug: "theirs") { id } apiKey(id: $key) { id } ofKey: grants(apiKeyId: $key) { nodes { id } }
      reconciliation { counted } installRequests { totalCount nodes { id } } catalog(search: "their own entry") { totalCount nodes { id } }
      inventory { totalCount nodes { server { id } } } snippets: clientSnippets(serverId: $server) { content } node(id: $server) { id }
      reconciliation { counted } agents(kind: CUSTOM) { nodes { id } } agent(id: $agent) { id } predefined: agent(id: $predefined) { id }
      unmappedClients { totalCount nodes { clientName } } boundTo: apiKeys(filter: {agentId: [$agent]}) { nodes { id } }
    }`,
    foreign,
  );
  expect(answer).toEqual({
    servers: { totalCount: 1, nodes: [{ id: own.server }] },
    apiKeys: { totalCount: 1, nodes: [{ id: own.key }] },
    grants: { totalCount: 0, nodes: [] },
    policies: [],
    budgets: { totalCount: 0, nodes: [] },
    quotas: { totalCount: 0, nodes: [] },
    ofServer: { nodes: [] },
    agents: { nodes: [{ id: own.agent }] },
    agent: null,
    predefined: null,
    unmappedClients: { totalCount: 0, nodes: [] },
    boundTo: { nodes: [] },
    reconciliation: [],
    installRequests: { totalCount: 0, nodes: [] },
    catalog: { totalCount: 0, nodes: [] },
    inventory: { totalCount: 1, nodes: [{ server: { id: own.server } }] },
    snippets: [],
    node: null,
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

test('a slug of another organisation is free', async () => {
  const { slug } = await plane.admin.createServer({ name: 'Theirs', transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/' });
  expect(slug).toBe('theirs');
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

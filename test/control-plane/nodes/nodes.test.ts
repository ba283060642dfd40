/** Every object with an id of its own is found by that id, by whoever may see it. */
import { buildSchema, isNonNullType, isObjectType } from 'graphql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { deprecationsOf } from '../../../control-plane/nodes/schema-info.ts';
import { kindOfId } from '../../../control-plane/nodes/node-names.ts';
import { makeSchema } from '../../../control-plane/schema.ts';
import { newId } from '../../../shared/ids.ts';
import { writeUsageEvent } from '../../../shared/usage-event.ts';
import { newMember } from '../../support/browser.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';
import { eventually } from '../../support/processes.ts';
import { usageEvent } from '../../support/usage.ts';

/** Their ids are good within one drawing. */
const WITHOUT_NODES = ['WorkflowNode', 'WorkflowEdge'];
const idSchema = z.object({ id: z.string() });

let plane: TestControlPlane;

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());

const typesOf = async (ids: readonly string[], token?: string) => {
  const answer = await plane.ask('query($ids: [ID!]!) { nodes(ids: $ids) { type: __typename id } }', { ids }, token);
  return z.object({ nodes: z.array(z.object({ type: z.string(), id: z.string() }).nullable()) }).parse(answer.data).nodes;
};

/** One object of each kind, by the name of its type. */
async function everyKind(): Promise<Record<string, string>> {
  const made = async (name: string, type: string, input: Record<string, unknown>, field: string) =>
    idSchema.parse((await plane.admin.mutate(name, type, input, `${field} { id }`))[field]).id;
  const daily = { name: 'daily', ownerType: 'ORGANISATION', schedule: { period: 'DAILY', timezone: 'UTC' } };
  const server = await plane.admin.createServer({ name: 's', transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/' });
  const key = await plane.admin.createApiKey();
  const member = await newMember(plane, 'member@example.com', 'USER');
  const { request } = await member.browser.mutate('requestInstall', 'RequestInstallInput', { entryId: 'cat_github' }, 'request { id }');
  const tool = newId('tool');
  await plane.database.query(
    `insert into tools (id, organisation_id, mcp_server_id, name, definition, fingerprint, approved_definition, approved_fingerprint, risk, first_seen_at, last_seen_at)
     values ($1, $2, $3, 't', '{"name": "t"}', '', '{"name": "t"}', '', 'UNKNOWN', now(), now())`,
    [tool, plane.organisationId, server.id],
  );
  plane.usageQueue.append(writeUsageEvent(usageEvent({ organisationId: plane.organisationId })));
  const first = (table: string) =>
    eventually(
      async () => (await plane.database.query(`select id from ${table} where organisation_id = $1 limit 1`, [plane.organisationId]))[0]?.['id'],
      table,
    );
  const [alert, exported] = [newId('alert'), newId('export')];
  const agent = await made(
    'createAgent',
    'CreateAgentInput',
    { name: 'agent', clients: [{ name: 'any', clientNamePattern: 'any', allowedServerIds: [server.id] }] },
    'agent',
  );
  const { node } = await plane.admin.query('query($id: ID!) { node(id: $id) { ... on Agent { clients { id } } } }', { id: agent });
  await plane.database.query(
    `insert into alerts (id, organisation_id, kind, severity, title, target_id, detail) values ($1, $2, 'SERVER_UNREACHABLE', 'WARNING', 't', 'x', '{}')`,
    [alert, plane.organisationId],
  );
  await plane.database.query(
    `insert into exports (id, organisation_id, kind, format, filter, upto, actor_kind, actor_id, expires_at)
     values ($1, $2, 'USAGE', 'csv', '{}', 0, 'ADMIN_TOKEN', 'x', now() + interval '1 hour')`,
    [exported, plane.organisationId],
  );
  return {
    Agent: agent,
    AgentClient: z.object({ clients: z.tuple([idSchema]) }).parse(node).clients[0].id,
    Alert: alert,
    Export: exported,
    Organisation: plane.organisationId,
    McpServer: server.id,
    ApiKey: key.id,
    AccessGrant: await plane.admin.grant(key.id, server.id),
    Membership: member.membershipId,
    User: member.userId,
    InstallRequest: idSchema.parse(request).id,
    CatalogEntry: 'cat_github',
    Tool: tool,
    Team: await made('upsertTeam', 'UpsertTeamInput', { name: 't' }, 'team'),
    Role: await made('createRole', 'CreateRoleInput', { name: 'r', permissions: [] }, 'role'),
    Invitation: await made('inviteMember', 'InviteMemberInput', { email: 'invited@example.com', roleId: 'USER' }, 'invitation'),
    AdminToken: await made('createAdminToken', 'CreateAdminTokenInput', { name: 't', permissions: [] }, 'adminToken'),
    Policy: await made('setPolicy', 'SetPolicyInput', { scope: 'ORGANISATION', policies: { ip: { blocklist: ['203.0.113.0/24'] } } }, 'policy'),
    Budget: await made('createBudget', 'BudgetInput', { ...daily, limitUsd: '1' }, 'budget'),
    Quota: await made('createQuota', 'QuotaInput', { ...daily, metric: 'REQUESTS', limit: '1' }, 'quota'),
    UsageRecord: String(await first('usage_records')),
    AuditEvent: String(await first('audit_events')),
    DataPlane: await heardOf(),
  };
}

async function heardOf(): Promise<string> {
  const { token } = await plane.newDataPlaneToken();
  const hello = '{name: "d", version: "1", configVersion: "0", ready: true, inFlight: 0, endpoints: []}';
  const answer = await plane.ask(`mutation { dataPlaneHello(input: ${hello}) { dataPlane { id } } }`, {}, token);
  return z.object({ dataPlaneHello: z.object({ dataPlane: idSchema }) }).parse(answer.data).dataPlaneHello.dataPlane.id;
}

test('every type with an id of its own says that it is a Node', () => {
  const types = Object.values(makeSchema().getTypeMap()).filter(isObjectType);
  const withId = types.filter((type) => isNonNullType(type.getFields()['id']?.type) && !WITHOUT_NODES.includes(type.name));
  expect(withId.filter((type) => !type.getInterfaces().some(({ name }) => name === 'Node')).map(({ name }) => name)).toEqual([]);
});

test('each is found by its id, as what it is, in the order that was asked for', async () => {
  const kinds = await everyKind();
  const nodeTypes = Object.values(makeSchema().getTypeMap()).filter((type) => isObjectType(type) && type.getInterfaces().some(({ name }) => name === 'Node'));
  // A session is seen by nobody but its person.
  expect([...Object.keys(kinds), 'Session'].toSorted()).toEqual(nodeTypes.map(({ name }) => name).toSorted());
  const expected = Object.entries(kinds).map(([type, id]) => ({ type, id }));
  expect(await typesOf(Object.values(kinds))).toEqual(expected);
  const reversed = expected.toReversed();
  expect(await typesOf(reversed.map(({ id }) => id))).toEqual(reversed);

  const { token } = await plane.newAdminToken({ permissions: [] });
  const hidden = ['Alert', 'Export', 'Membership', 'User', 'Invitation', 'AdminToken', 'UsageRecord', 'AuditEvent', 'InstallRequest'];
  const seen = await typesOf(Object.values(kinds), token);
  expect(seen.map((node) => node?.type ?? null)).toEqual(Object.keys(kinds).map((name) => (hidden.includes(name) ? null : name)));
});

test('nothing of it is found by another organisation', async () => {
  const { token } = await plane.newOrganisation('other');
  const ids = await plane.database.query(
    [
      'api_keys',
      'mcp_servers',
      'tools',
      'access_grants',
      'policies',
      'limits',
      'teams',
      'roles',
      'users',
      'memberships',
      'invitations',
      'agents',
      'alerts',
      'exports',
    ]
      .map((table) => `select id from ${table}`)
      .concat(
        'select id from install_requests union all select id from usage_records union all select id from audit_events union all select id from admin_tokens',
      )
      .map((sql) => `(${sql} limit 5)`)
      .join(' union all '),
  );
  const own = ids.map(({ id }) => String(id)).filter((id) => !id.startsWith('adm_'));
  for (let at = 0; at < own.length; at += 100) expect(await typesOf(own.slice(at, at + 100), token)).toEqual(own.slice(at, at + 100).map(() => null));
  expect(own.length).toBeGreaterThan(15);
});

test('a role that comes with the product is found by its name, and a session by its person', async () => {
  expect(await typesOf(['SUPER_ADMIN'])).toEqual([{ type: 'Role', id: 'SUPER_ADMIN' }]);
  const { browser } = await newMember(plane, 'signed-in@example.com', 'USER');
  const { sessions } = z.object({ sessions: z.tuple([idSchema]) }).parse((await browser.ask('{ sessions { id } }')).data);
  expect((await browser.ask(`{ node(id: "${sessions[0].id}") { type: __typename } }`)).data).toEqual({ node: { type: 'Session' } });
  expect(await typesOf([sessions[0].id])).toEqual([null]);
});

test.each([
  '',
  'srv_',
  'srv_x',
  'nonsense',
  'req_01arz3ndektsv4rrffq69g5fav',
  'dpt_01arz3ndektsv4rrffq69g5fav',
  'NO_SUCH_ROLE',
  '../etc',
  'use_x',
  'cat_nothing',
])('%j is no object', async (id) => {
  expect(await typesOf([id, id])).toEqual([null, null]);
});

test('at most a hundred are looked up at once', async () => {
  const answer = await plane.ask('query($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids: Array.from({ length: 101 }, () => 'x') });
  expect(answer.errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT' });
});

test('the schema tells its version, and what of it will end', async () => {
  const { schemaInfo } = await plane.admin.query('{ schemaInfo { version build deprecations } }');
  expect(schemaInfo).toEqual({
    version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    build: expect.stringMatching(/^[0-9a-f]{12}$/),
    deprecations: deprecationsOf(makeSchema()),
  });
  const changed = buildSchema('type Query { old: String @deprecated(reason: "Use new.") new: String }');
  expect(deprecationsOf(changed)).toEqual(['Query.old: Use new.']);
});

test('prefixes are told apart', () => {
  expect([kindOfId(newId('mcpServer')), kindOfId('USER'), kindOfId('server')]).toEqual(['mcpServer', 'role', undefined]);
});

/** Makes an organisation larger: so many more of everything, each pointing at others of its own. */
import { newId } from '../../../shared/ids.ts';
import { writeUsageEvent } from '../../../shared/usage-event.ts';
import { OWN_DAILY } from '../../support/limits.ts';
import { eventually } from '../../support/processes.ts';
import { usageEvent } from '../../support/usage.ts';
import { idOf, makeDataPlane, newEntry, type World } from '../access/matrix/world.ts';

/** A call that went through, and one that was refused. */
const RECORDS_EACH = 2;

export async function growWorld(own: World, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    const team = await grow(own, index);
    await addPerson(own, index, team);
    await addInstall(own, index);
  }
  await addTools(own, count);
  await eventually(async () => {
    const [row] = await own.plane.database.query('select count(*)::int as records from usage_records where organisation_id = $1', [own.organisation]);
    return Number(row?.['records']) > RECORDS_EACH * count ? true : undefined;
  }, 'the records');
}

async function grow(own: World, index: number): Promise<string> {
  const { admin, plane, organisation } = own;
  const name = `${own.slug} ${index}`;
  const policy = { ip: {} };
  const team = idOf((await admin.mutate('upsertTeam', 'UpsertTeamInput', { name }, 'team { id }'))['team']);
  const reach = { transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/' };
  const server = await admin.createServer({ name, ...reach, policy, scope: { teamId: team }, semanticFilter: { blockedKeywords: ['x'] } });
  const clients = [{ name, clientNamePattern: 'x', allowedServerIds: [server.id] }];
  const agentId = idOf((await admin.mutate('createAgent', 'CreateAgentInput', { name, clients }, 'agent { id }'))['agent']);
  const key = await admin.createApiKey({ name, type: 'TEAM', ownerId: team, policy, agentId });
  await admin.createServer({ name: `${name} of a key`, ...reach, scope: { apiKeyId: key.id } });
  await admin.grant(key.id, server.id);
  const limit = { ...OWN_DAILY, name, serverId: server.id };
  const { budget } = await admin.mutate('createBudget', 'BudgetInput', { ...limit, limitUsd: '1' }, 'budget { id }');
  await admin.mutate('createQuota', 'QuotaInput', { ...limit, metric: 'REQUESTS', limit: '1' }, 'quota { id }');
  await admin.mutate('createAdminToken', 'CreateAdminTokenInput', { name, permissions: [] }, 'adminToken { id }');
  await makeDataPlane(plane, organisation, name);
  await plane.database.query(
    `insert into limit_reconciliations select (jsonb_populate_record(r, jsonb_build_object('id', $1::text, 'limit_id', $1::text))).* from limit_reconciliations r where limit_id = $2`,
    [idOf(budget), own.budget],
  );
  await plane.database.query(`insert into alerts select (jsonb_populate_record(a, jsonb_build_object('id', $1::text))).* from alerts a where id = $2`, [
    newId('alert'),
    own.alert,
  ]);
  const called = {
    organisationId: organisation,
    serverId: server.id,
    apiKeyId: key.id,
    serverSlug: server.slug,
    tool: `tool_${index}`,
    clientName: `client ${index}`,
  };
  const rule = { kind: 'mcpServer', id: server.id, path: 'blockedTools' };
  const refused = { decision: 'DENIED', status: 403, code: 'mcp_guardrail_block', reason: 'blocked_tool', step: 12, rule, agentId } as const;
  for (const event of [usageEvent(called), usageEvent({ ...called, ...refused })]) plane.usageQueue.append(writeUsageEvent(event));
  return team;
}

async function addPerson({ admin, plane, organisation, slug, user }: World, index: number, team: string): Promise<void> {
  const email = `${slug}-${index}@example.com`;
  const role = idOf((await admin.mutate('createRole', 'CreateRoleInput', { name: email, permissions: [] }, 'role { id }'))['role']);
  await admin.mutate('inviteMember', 'InviteMemberInput', { email: `invited-${email}`, roleId: role, teamId: team }, 'invitation { id }');
  const id = newId('user');
  await plane.database.query(
    `insert into users select (jsonb_populate_record(u, jsonb_build_object('id', $1::text, 'email', $2::text))).* from users u where id = $3`,
    [id, email, user],
  );
  await plane.database.query(`insert into memberships (id, user_id, role_id, team_id, organisation_id, state) values ($1, $2, $3, $4, $5, 'ACTIVE')`, [
    newId('membership'),
    id,
    role,
    team,
    organisation,
  ]);
}

/** An entry that somebody asked for and got. */
async function addInstall({ admin, slug, person: { browser } }: World, index: number): Promise<void> {
  const variables = [{ name: 'path', description: 'Where it is', default: 'mcp' }];
  const input = { ...newEntry(`${slug} ${index} entry`), reach: { remote: { url: 'http://127.0.0.1:9/{path}' } }, variables };
  const { entry } = await admin.mutate('createCatalogEntry', 'CreateCatalogEntryInput', input, 'entry { id }');
  const { request } = await browser.mutate('requestInstall', 'RequestInstallInput', { entryId: idOf(entry) }, 'request { id }');
  await browser.mutate('decideInstallRequest', 'DecideInstallRequestInput', { id: idOf(request), approve: true }, 'request { id }');
}

/** Also sessions, of which each is a way in for the person who asks. */
async function addTools({ admin, plane, server, slug, upstream, person }: World, count: number): Promise<void> {
  upstream.tools = Array.from({ length: count + 1 }, (_, index) => ({ name: `${slug}_tool_${index}`, inputSchema: { type: 'object' } }));
  await admin.mutate('discoverTools', 'IdInput', { id: server }, 'server { id }');
  for (let index = 0; index < count; index++)
    await plane.database.query(
      `insert into sessions select (jsonb_populate_record(s, jsonb_build_object('id', $1::text, 'hash', $1::text))).* from sessions s where user_id = $2 limit 1`,
      [newId('session'), person.userId],
    );
}

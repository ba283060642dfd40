/** An organisation that has one of everything, so that each field of the API has something to find, or must not find it. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { derivedId, newId } from '../../../../shared/ids.ts';
import { writeUsageEvent } from '../../../../shared/usage-event.ts';
import type { AdminClient } from '../../../support/admin-client.ts';
import { newMember, type Member } from '../../../support/browser.ts';
import type { TestControlPlane } from '../../../support/control-plane.ts';
import { OWN_DAILY } from '../../../support/limits.ts';
import { eventually } from '../../../support/processes.ts';
import { startToolUpstream, type ToolUpstream } from '../../../support/tool-upstream.ts';
import { usageEvent } from '../../../support/usage.ts';

export interface Ids {
  readonly organisation: string;
  readonly server: string;
  readonly key: string;
  readonly grant: string;
  /** One of its own, and one that comes with the product. */
  readonly agent: string;
  readonly predefinedAgent: string;
  readonly team: string;
  readonly budget: string;
  readonly quota: string;
  readonly user: string;
  readonly member: string;
  readonly invitation: string;
  readonly role: string;
  readonly adminToken: string;
  readonly session: string;
  readonly dataPlane: string;
  readonly usageRecord: string;
  readonly request: string;
  readonly entry: string;
  readonly installRequest: string;
  readonly exported: string;
  readonly alert: string;
}

/** Everything that has a name in it is called after the organisation, so that an answer tells whose it is. Its upstream is to be closed. */
export interface World extends Ids {
  readonly plane: TestControlPlane;
  readonly slug: string;
  readonly admin: AdminClient;
  /** Has signed in with every permission. */
  readonly person: Member;
  readonly dataPlaneToken: string;
  /** The MCP server behind the organisation's own. */
  readonly upstream: ToolUpstream;
}

/** What nobody has. */
export function unknownIds(): Ids {
  return {
    organisation: newId('organisation'),
    server: newId('mcpServer'),
    key: newId('apiKey'),
    grant: newId('accessGrant'),
    agent: newId('agent'),
    predefinedAgent: derivedId('agent', randomBytes(10)),
    team: newId('team'),
    budget: newId('limit'),
    quota: newId('limit'),
    user: newId('user'),
    member: newId('membership'),
    invitation: newId('invitation'),
    role: newId('role'),
    adminToken: newId('adminToken'),
    session: newId('session'),
    dataPlane: newId('dataPlane'),
    usageRecord: newId('usageRecord'),
    request: newId('request'),
    entry: newId('catalogEntry'),
    installRequest: newId('installRequest'),
    exported: newId('export'),
    alert: newId('alert'),
  };
}

export async function buildWorld(plane: TestControlPlane, slug: string): Promise<World> {
  const upstream = await startToolUpstream([{ name: `${slug}_tool`, inputSchema: { type: 'object' } }]);
  const { organisationId: organisation, admin } = await plane.newOrganisation(slug);
  const policy = { ip: {} };
  const server = (await admin.createServer({ name: `${slug} server`, slug, transport: 'STREAMABLE_HTTP', endpointUrl: upstream.url, policy })).id;
  await admin.mutate('discoverTools', 'IdInput', { id: server }, 'server { id }');
  const key = (await admin.createApiKey({ name: `${slug} key`, policy })).id;
  const people = await makePeople(plane, admin, slug);
  const made = {
    server,
    key,
    grant: await admin.grant(key, server),
    ...(await makeAgents(admin, slug, server)),
    ...(await makeLimits(admin, slug)),
    ...people,
    ...(await makeCatalogue(admin, people.person, slug)),
  };
  const dataPlane = await makeDataPlane(plane, organisation, slug);
  await reconcile(plane, organisation, made.budget);
  const usage = await recordUsage(plane, { organisation, server, key, slug });
  const { export: exported } = await admin.mutate('createExport', 'CreateExportInput', { kind: 'USAGE' }, 'export { id }');
  return {
    organisation,
    ...made,
    ...dataPlane,
    ...usage,
    exported: idOf(exported),
    alert: await makeAlert(plane, organisation, slug),
    plane,
    slug,
    admin,
    upstream,
  };
}

/** Whether a name or an id of that organisation stands in an answer. */
export function isAbout(world: World, answer: unknown): boolean {
  const text = JSON.stringify(answer);
  return Object.values(world).some((value) => typeof value === 'string' && text.includes(value));
}

export function idOf(made: unknown): string {
  return z.object({ id: z.string() }).parse(made).id;
}

async function makeAgents(admin: AdminClient, slug: string, server: string) {
  const clients = [{ name: `${slug} client of an agent`, clientNamePattern: 'x', allowedServerIds: [server] }];
  const { agent } = await admin.mutate('createAgent', 'CreateAgentInput', { name: `${slug} agent`, clients }, 'agent { id }');
  const { agents } = await admin.query('{ agents(kind: PREDEFINED, first: 1) { nodes { id } } }');
  const [predefined] = z.object({ nodes: z.array(z.unknown()) }).parse(agents).nodes;
  return { agent: idOf(agent), predefinedAgent: idOf(predefined) };
}

async function makeLimits(admin: AdminClient, slug: string) {
  const name = `${slug} limit`;
  const { budget } = await admin.mutate('createBudget', 'BudgetInput', { ...OWN_DAILY, name, limitUsd: '1' }, 'budget { id }');
  const { quota } = await admin.mutate('createQuota', 'QuotaInput', { ...OWN_DAILY, name, metric: 'REQUESTS', limit: '1' }, 'quota { id }');
  return { budget: idOf(budget), quota: idOf(quota) };
}

async function makePeople(plane: TestControlPlane, admin: AdminClient, slug: string) {
  const { team } = await admin.mutate('upsertTeam', 'UpsertTeamInput', { name: `${slug} team` }, 'team { id }');
  const { role } = await admin.mutate('createRole', 'CreateRoleInput', { name: `${slug} role`, permissions: [] }, 'role { id }');
  const { adminToken } = await admin.mutate('createAdminToken', 'CreateAdminTokenInput', { name: `${slug} token`, permissions: [] }, 'adminToken { id }');
  const invited = { email: `${slug}-invited@example.com`, roleId: 'USER' };
  const { invitation } = await admin.mutate('inviteMember', 'InviteMemberInput', invited, 'invitation { id }');
  const person = await newMember(plane, `${slug}-person@example.com`, 'ORG_ADMIN', admin);
  const member = await newMember(plane, `${slug}-member@example.com`, 'USER', admin);
  const [session] = await plane.database.query('select id from sessions where user_id = $1', [person.userId]);
  const people = { person, session: idOf(session), user: member.userId, member: member.membershipId };
  return { team: idOf(team), role: idOf(role), adminToken: idOf(adminToken), invitation: idOf(invitation), ...people };
}

/** An entry of an organisation's own. */
export function newEntry(title: string): Record<string, unknown> {
  const reach = { remote: { url: 'http://127.0.0.1:9/' } };
  return { title, description: 'made', publisher: 'made', categories: ['data'], authTypes: ['NONE'], reach };
}

async function makeCatalogue(admin: AdminClient, { browser }: Member, slug: string) {
  const { entry } = await admin.mutate('createCatalogEntry', 'CreateCatalogEntryInput', newEntry(`${slug} entry`), 'entry { id }');
  const { request } = await browser.mutate('requestInstall', 'RequestInstallInput', { entryId: idOf(entry) }, 'request { id }');
  return { entry: idOf(entry), installRequest: idOf(request) };
}

/** A node that serves this organisation alone. */
export async function makeDataPlane(plane: TestControlPlane, organisation: string, slug: string) {
  const { token, id } = await plane.newDataPlaneToken();
  await plane.database.query('update data_plane_tokens set organisation_ids = $2 where id = $1', [id, [organisation]]);
  const hello = 'mutation($input: DataPlaneHelloInput!) { dataPlaneHello(input: $input) { dataPlane { id } } }';
  const input = { name: `${slug} node`, version: '1', configVersion: '0', ready: true, inFlight: 0, endpoints: [] };
  const { data } = await plane.ask(hello, { input }, token);
  return {
    dataPlaneToken: token,
    dataPlane: z.object({ dataPlaneHello: z.object({ dataPlane: z.object({ id: z.string() }) }) }).parse(data).dataPlaneHello.dataPlane.id,
  };
}

/** One that is over, and so stays as it is. */
async function makeAlert(plane: TestControlPlane, organisation: string, slug: string): Promise<string> {
  const id = newId('alert');
  await plane.database.query(
    `insert into alerts (id, organisation_id, kind, severity, title, target_id, detail, resolved_at) values ($1, $2, 'DEAD_LETTERS', 'INFO', $3, $2, '{}', now())`,
    [id, organisation, slug],
  );
  return id;
}

async function reconcile(plane: TestControlPlane, organisation: string, limit: string): Promise<void> {
  await plane.database.query(
    `insert into limit_reconciliations (id, organisation_id, limit_id, starts_at, ends_at, checked_at, epoch, used, recorded, not_counted, reserved, under_way, rolled_up)
     values ($2, $1, $2, now(), now(), now(), '', 0, 0, 0, 0, 0, '{"records": {"calls": "0", "nanosUsd": "0"}, "hours": {"calls": "0", "nanosUsd": "0"}, "days": {"calls": "0", "nanosUsd": "0"}}')`,
    [organisation, limit],
  );
}

async function recordUsage(plane: TestControlPlane, given: { organisation: string; server: string; key: string; slug: string }) {
  const { organisation: organisationId, server: serverId, key: apiKeyId, slug } = given;
  const event = usageEvent({ organisationId, serverId, apiKeyId, serverSlug: slug, tool: `${slug}_tool`, clientName: `${slug} client` });
  plane.usageQueue.append(writeUsageEvent(event));
  const record = await eventually(async () => {
    const [row] = await plane.database.query('select id from usage_records where request_id = $1', [event.requestId]);
    return row;
  }, 'the record');
  return { usageRecord: idOf(record), request: event.requestId };
}

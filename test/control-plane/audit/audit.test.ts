/** A change, its audit event and its configuration change are one: all of them are there, or none. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { newMember, type Member } from '../../support/browser.ts';
import { startTestControlPlane, userErrorsOf, type TestControlPlane } from '../../support/control-plane.ts';
import { newLimit, OWN_DAILY } from '../../support/limits.ts';

let plane: TestControlPlane;
let serverId: string;
let key: { id: string; secret: string };
let budgetId: string;
let quotaId: string;
let member: Member;

beforeAll(async () => {
  plane = await startTestControlPlane();
  serverId = (await plane.admin.createServer({ name: 'Audited', transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/' })).id;
  key = await plane.admin.createApiKey();
  budgetId = await newLimit(plane.admin, 'Budget', { limitUsd: '1' });
  member = await newMember(plane, 'member@example.com', 'USER');
  quotaId = await newLimit(plane.admin, 'Quota', { metric: 'REQUESTS', limit: '1' });
});
afterAll(() => plane?.close());
beforeEach(() => plane.database.query('drop trigger if exists refuse on audit_events; drop trigger if exists refuse on config_changes'));

const MUTATIONS: [string, string, () => Record<string, unknown>][] = [
  ['createServer', 'CreateServerInput', () => ({ name: 'Another', transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/' })],
  ['updateServer', 'UpdateServerInput', () => ({ id: serverId, name: 'Renamed' })],
  ['setServerEnabled', 'SetEnabledInput', () => ({ id: serverId, enabled: true })],
  ['setServerAuth', 'SetServerAuthInput', () => ({ id: serverId, auth: { bearer: { token: 'canary-audited' } } })],
  ['setToolRules', 'SetToolRulesInput', () => ({ id: serverId, allowedTools: ['echo'], blockedTools: [] })],
  ['setPricing', 'SetPricingInput', () => ({ serverId, pricing: { usdPerMillionCalls: '1' } })],
  ['setSemanticFilter', 'SetSemanticFilterInput', () => ({ serverId, filter: { blockedKeywords: ['word'] } })],
  ['setOrganisationFilter', 'SetOrganisationFilterInput', () => ({ filter: { detectors: ['EMAIL'] } })],
  ['setWebSearchPolicy', 'SetWebSearchPolicyInput', () => ({ serverId, policy: { blockedDomains: ['example.com'] } })],
  ['setToolReview', 'SetToolReviewInput', () => ({ id: serverId, review: 'ALL' })],
  ['setToolsEnabled', 'SetToolsEnabledInput', () => ({ serverId, tools: [], enabled: false })],
  ['setToolRisk', 'SetToolRiskInput', () => ({ serverId, tools: [], risk: 'WRITE' })],
  ['acceptToolChanges', 'AcceptToolChangesInput', () => ({ serverId, tools: [], fingerprints: [] })],
  ['createApiKey', 'CreateApiKeyInput', () => ({ name: 'another', type: 'ORGANISATION' })],
  ['rotateApiKey', 'RotateApiKeyInput', () => ({ id: key.id })],
  ['setGrants', 'SetGrantsInput', () => ({ add: [{ apiKeyId: key.id, serverId }] })],
  ['setPolicy', 'SetPolicyInput', () => ({ scope: 'ORGANISATION', policies: { ip: {} } })],
  ['createBudget', 'BudgetInput', () => ({ ...OWN_DAILY, limitUsd: '1' })],
  ['updateBudget', 'UpdateBudgetInput', () => ({ id: budgetId, limitUsd: '2' })],
  ['createQuota', 'QuotaInput', () => ({ ...OWN_DAILY, metric: 'REQUESTS', limit: '1' })],
  ['updateQuota', 'UpdateQuotaInput', () => ({ id: quotaId, limit: '2' })],
  ['deleteLimit', 'IdInput', () => ({ id: quotaId })],
  ['revokeApiKey', 'IdInput', () => ({ id: key.id })],
];

/** These change nothing that data planes know. */
const OF_PEOPLE: typeof MUTATIONS = [
  ['upsertTeam', 'UpsertTeamInput', () => ({ name: 'A team' })],
  ['inviteMember', 'InviteMemberInput', () => ({ email: 'invited@example.com', roleId: 'USER' })],
  ['updateMember', 'UpdateMemberInput', () => ({ id: member.membershipId, roleId: 'AUDITOR' })],
  ['createRole', 'CreateRoleInput', () => ({ name: 'A role', permissions: [] })],
  ['createAdminToken', 'CreateAdminTokenInput', () => ({ name: 'A token', permissions: [] })],
];

/** Everything that a mutation may write, as one text. */
async function everything(): Promise<unknown> {
  const tables = [
    'teams',
    'users',
    'memberships',
    'invitations',
    'roles',
    'sessions',
    'admin_tokens',
    'api_keys',
    'mcp_servers',
    'access_grants',
    'policies',
    'limits',
    'audit_events',
    'config_changes',
    'config_version',
  ];
  return Promise.all(tables.map((table) => plane.database.query(`select row_to_json(t)::text as row from ${table} t order by 1`)));
}

async function refuseInserts(table: string): Promise<void> {
  await plane.database.query(`create or replace function refuse() returns trigger language plpgsql as $$ begin raise exception 'no room'; end $$`);
  await plane.database.query(`create trigger refuse before insert on ${table} for each row execute function refuse()`);
}

test.each(OF_PEOPLE)('%s: nothing is kept when its audit event cannot be written', async (mutation, inputType, input) => {
  await refuseInserts('audit_events');
  const before = await everything();
  await expect(userErrorsOf(plane, mutation, inputType, input())).rejects.toThrow('INTERNAL_SERVER_ERROR');
  expect(await everything()).toEqual(before);
});

test.each(MUTATIONS)('%s: nothing is kept when its audit event or its configuration change cannot be written', async (mutation, inputType, input) => {
  for (const table of ['audit_events', 'config_changes']) {
    await refuseInserts(table);
    const before = await everything();
    await expect(userErrorsOf(plane, mutation, inputType, input())).rejects.toThrow('INTERNAL_SERVER_ERROR');
    expect(await everything()).toEqual(before);
    await plane.database.query(`drop trigger refuse on ${table}`);
  }
});

test.each([...MUTATIONS, ...OF_PEOPLE])('%s writes who changed what', async (mutation, inputType, input) => {
  expect(await userErrorsOf(plane, mutation, inputType, input())).toEqual([]);
  const [event] = await plane.database.query(
    'select action, actor_kind, actor_id, organisation_id, request_id, before, after from audit_events order by id desc limit 1',
  );
  const [token] = await plane.database.query('select id from admin_tokens');
  expect(event).toMatchObject({
    action: mutation === 'setGrants' ? 'setGrant' : mutation,
    actor_kind: 'ADMIN_TOKEN',
    actor_id: token?.['id'],
    organisation_id: plane.organisationId,
  });
  expect(event?.['request_id']).toMatch(/^req_/);
  expect(event?.[mutation.startsWith('delete') ? 'before' : 'after']).not.toBeNull();
});

test('a change of a server is written as it was and as it is', async () => {
  await userErrorsOf(plane, 'setToolRules', 'SetToolRulesInput', { id: serverId, allowedTools: [], blockedTools: ['rm'] });
  const [event] = await plane.database.query(
    `select before->'blockedTools' as before, after->'blockedTools' as after from audit_events where action = 'setToolRules' order by id desc limit 1`,
  );
  expect(event).toEqual({ before: [], after: ['rm'] });
});

test('of secrets the trail keeps fingerprints: they change with the secret, and give nothing away', async () => {
  const fingerprintAfter = async (token: string) => {
    await userErrorsOf(plane, 'setServerAuth', 'SetServerAuthInput', { id: serverId, auth: { bearer: { token } } });
    const [event] = await plane.database.query(`select after->'secretFields'->0->>'fingerprint' as fingerprint from audit_events order by id desc limit 1`);
    return event?.['fingerprint'];
  };
  const first = await fingerprintAfter('canary-one');
  expect(await fingerprintAfter('canary-two')).not.toBe(first);
  expect(await fingerprintAfter('canary-one')).toBe(first);
});

test('no secret and no key is in any column or log line', async () => {
  const tables = await plane.database.query(`select table_name from information_schema.tables where table_schema = 'public'`);
  const rows = await Promise.all(tables.map(({ table_name: name }) => plane.database.query(`select row_to_json(t)::text as row from "${String(name)}" t`)));
  const text = `${rows
    .flat()
    .map(({ row }) => String(row))
    .join('\n')}\n${plane.log()}`;
  for (const secret of ['canary-audited', 'canary-one', key.secret, plane.token, plane.settings.secretKey]) {
    expect(text.includes(secret), secret.slice(0, 8)).toBe(false);
    expect(text.includes(Buffer.from(secret).toString('base64')), `${secret.slice(0, 8)} in base64`).toBe(false);
  }
  expect(text).toContain('"auth.token"');
});

test('of sealed values the trail keeps nothing at all', async () => {
  expect(await plane.database.query(`select id from audit_events where concat(before, after) ~ '"(box|keyId|hash|previousHash)"'`)).toEqual([]);
});

test('a removed grant is told to the data planes and written to the trail', async () => {
  const other = await plane.admin.createApiKey();
  const grantId = await plane.admin.grant(other.id, serverId);
  expect(await userErrorsOf(plane, 'setGrants', 'SetGrantsInput', { remove: [grantId] })).toEqual([]);
  const [change] = await plane.database.query('select change from config_changes order by version desc, position desc limit 1');
  expect(change).toEqual({ change: { op: 'remove', kind: 'accessGrant', id: grantId } });
  const [event] = await plane.database.query('select action, target_id, after from audit_events order by id desc limit 1');
  expect(event).toEqual({ action: 'removeGrant', target_id: grantId, after: null });
});

test('versions of the configuration follow each other without gap, however many changes come at once', async () => {
  const [before] = await plane.database.query('select version::int as version from config_version');
  await Promise.all(Array.from({ length: 20 }, (_, index) => plane.admin.createApiKey({ name: `at once ${index}` })));
  const rows = await plane.database.query('select distinct version::int as version from config_changes where version > $1 order by 1', [before?.['version']]);
  expect(rows.map(({ version }) => Number(version) - Number(before?.['version']))).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
});

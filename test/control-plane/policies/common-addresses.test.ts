/** Address lists of several scopes that leave nothing to somebody are refused when the last of them is saved, with the name of the other. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestControlPlane, userErrorsOf, type TestControlPlane } from '../../support/control-plane.ts';

const A = { ip: { allowlist: ['10.0.0.0/16'] } };
const B = { ip: { allowlist: ['10.1.0.0/16'] } };
const BOTH = { ip: { allowlist: ['10.0.0.0/15'] } };

let plane: TestControlPlane;
let teamId: string;
let apiKeyId: string;
let serverId: string;

beforeAll(async () => {
  plane = await startTestControlPlane();
  const { team } = await plane.admin.mutate('upsertTeam', 'UpsertTeamInput', { name: 'Team' }, 'team { id }');
  teamId = Object(team)['id'];
  ({ id: apiKeyId } = await plane.admin.createApiKey({ type: 'TEAM', ownerId: teamId }));
  ({ id: serverId } = await newServer('Tools'));
  await plane.database.query(`update api_keys set user_id = 'usr_ada' where id = $1`, [apiKeyId]);
});
afterAll(() => plane?.close());
beforeEach(async () => {
  await plane.database.query('delete from policies');
  await plane.database.query('delete from access_grants');
});

const newServer = (name: string) => plane.admin.createServer({ name, transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/' });

const owners: Record<string, () => string | null> = {
  ORGANISATION: () => null,
  TEAM: () => teamId,
  USER: () => 'usr_ada',
  API_KEY: () => apiKeyId,
  MCP_SERVER: () => serverId,
};

const save = (scope: string, policies: unknown, more: Record<string, unknown> = {}) =>
  userErrorsOf(plane, 'setPolicy', 'SetPolicyInput', { scope, ownerId: owners[scope]?.() ?? null, policies, ...more });

const scopes = Object.keys(owners);
const pairs = scopes.flatMap((one) => scopes.filter((other) => other !== one).map((other): [string, string] => [one, other]));

async function idOf(scope: string): Promise<string> {
  const [row] = await plane.database.query('select id from policies where scope = $1', [scope]);
  return String(row?.['id']);
}

describe('lists with nothing in common', () => {
  test.each(pairs)('of %s and then of %s are refused, in a dry run too, and unless that is meant', async (first, second) => {
    await plane.admin.grant(apiKeyId, serverId);
    expect(await save(first, A)).toEqual([]);
    const refused = [
      { code: 'DENIES_ALL', field: ['policy', 'policies', 'ip', 'allowlist'], message: expect.stringContaining(`${await idOf(first)} (${first} `) },
    ];
    expect(await save(second, B)).toMatchObject(refused);
    expect(await save(second, B, { dryRun: true })).toMatchObject(refused);
    expect(await save(second, BOTH)).toEqual([]);
    expect(await save(second, B)).toMatchObject(refused);
    expect(await save(second, B, { mode: 'OBSERVE' })).toEqual([]);
    expect(await save(second, B)).toMatchObject(refused);
    expect(await save(second, B, { mayDenyAll: true })).toEqual([]);
    expect(await save(second, { ...B, ratelimit: { requests: { per_minute: 5 } } })).toEqual([]);
  });

  test('are not there where one is empty, and so is none', async () => {
    await save('ORGANISATION', A);
    expect(await save('TEAM', { ip: { allowlist: [] } })).toEqual([]);
    expect(await save('API_KEY', B)).toMatchObject([{ message: expect.stringContaining('ORGANISATION') }]);
  });

  test('are taken where nobody falls under both', async () => {
    await save('MCP_SERVER', A);
    for (const scope of ['TEAM', 'USER', 'API_KEY']) expect(await save(scope, B)).toEqual([]);
    const { id } = await newServer('Others');
    await plane.admin.grant(apiKeyId, id);
    expect(await userErrorsOf(plane, 'setPolicy', 'SetPolicyInput', { scope: 'MCP_SERVER', ownerId: id, policies: B })).toEqual([]);
  });

  test('are found where each two of three have something in common', async () => {
    const [x, y, z] = ['10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16'];
    await save('ORGANISATION', { ip: { allowlist: [x, y] } });
    await save('TEAM', { ip: { allowlist: [y, z] } });
    const [error] = await save('API_KEY', { ip: { allowlist: [x, z] } });
    for (const scope of ['ORGANISATION', 'TEAM']) expect(error?.message).toContain(await idOf(scope));
  });

  test('are found where one blocks what the other allows', async () => {
    await save('ORGANISATION', { ip: { blocklist: ['10.0.0.0/17', '10.0.128.0/17'] } });
    expect(await save('TEAM', A)).toMatchObject([{ code: 'DENIES_ALL' }]);
    await save('TEAM', B);
    expect(await save('ORGANISATION', { ip: { blocklist: ['10.0.0.0/8'] } })).toMatchObject([
      { code: 'DENIES_ALL', field: ['policy', 'policies', 'ip', 'blocklist'] },
    ]);
  });

  test('of a new key and its team are refused, and no key is made', async () => {
    await save('TEAM', A);
    const input = { name: 'disjoint', type: 'TEAM', ownerId: teamId, policy: B };
    expect(await userErrorsOf(plane, 'createApiKey', 'CreateApiKeyInput', input)).toMatchObject([
      { code: 'DENIES_ALL', message: expect.stringContaining('TEAM') },
    ]);
    expect(await plane.database.query(`select id from api_keys where name = 'disjoint'`)).toEqual([]);
  });

  test('that others make among themselves, or of a key that was revoked, keep nobody from saving a third', async () => {
    await save('TEAM', A);
    await save('API_KEY', B, { mayDenyAll: true });
    expect(await save('ORGANISATION', BOTH)).toEqual([]);
    const { id } = await plane.admin.createApiKey();
    await userErrorsOf(plane, 'setPolicy', 'SetPolicyInput', { scope: 'API_KEY', ownerId: id, policies: A });
    await userErrorsOf(plane, 'revokeApiKey', 'IdInput', { id });
    await save('API_KEY', {});
    await save('TEAM', {});
    expect(await save('ORGANISATION', B)).toEqual([]);
  });

  test('of another organisation count for nothing', async () => {
    const other = await plane.newOrganisation('other');
    await other.admin.mutate('setPolicy', 'SetPolicyInput', { scope: 'ORGANISATION', policies: A }, 'policy { id }');
    expect(await save('ORGANISATION', B)).toEqual([]);
    expect(await save('TEAM', B)).toEqual([]);
  });
});

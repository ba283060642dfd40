/** Policies through the API: every scope, what a change touches, what would refuse everybody, and what holds together. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MikroORM } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { acrossOrganisations, TENANT_ROLE, withinOrganisation } from '../../../control-plane/database/roles.ts';
import { openOrm } from '../../../control-plane/database/orm.ts';
import { applyGlobalPolicy } from '../../../control-plane/policies/global-policy.ts';
import { recordingLog, startTestControlPlane, userErrorsOf, type TestControlPlane } from '../../support/control-plane.ts';

const PER_MINUTE = { ratelimit: { requests: { per_minute: 5 } } };
const SELECTION = 'policy { id scope ownerId mode envelope trial version } changes { path before after }';

let plane: TestControlPlane;
let orm: MikroORM;
let directory: string;
let apiKeyId: string;
let serverId: string;
let teamId: string;

beforeAll(async () => {
  plane = await startTestControlPlane();
  orm = await openOrm(plane.database.url, recordingLog().log, TENANT_ROLE);
  directory = await mkdtemp(join(tmpdir(), 'turnpike-policy-'));
  const { team } = await plane.admin.mutate('upsertTeam', 'UpsertTeamInput', { name: 'Team' }, 'team { id }');
  teamId = Object(team)['id'];
  ({ id: apiKeyId } = await plane.admin.createApiKey({ type: 'TEAM', ownerId: teamId }));
  ({ id: serverId } = await plane.admin.createServer({ name: 'Tools', transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/' }));
  await plane.database.query(`update api_keys set user_id = 'usr_ada' where id = $1`, [apiKeyId]);
});
afterAll(async () => {
  await orm?.close(true);
  await plane?.close();
  if (directory !== undefined) await rm(directory, { recursive: true, force: true });
});
beforeEach(() => plane.database.query('delete from policies'));

const set = (input: Record<string, unknown>) => plane.admin.mutate('setPolicy', 'SetPolicyInput', input, SELECTION);
const errorsOf = (input: Record<string, unknown>) => userErrorsOf(plane, 'setPolicy', 'SetPolicyInput', input);
const ofKey = (input: Record<string, unknown>) => ({ scope: 'API_KEY', ownerId: apiKeyId, ...input });

async function applyGlobal(content: unknown): Promise<void> {
  const path = join(directory, 'global.json');
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  await applyGlobalPolicy(acrossOrganisations(orm.em), path, recordingLog().log);
}

async function effective(): Promise<Record<string, unknown> | null> {
  const query = `query($key: ID!, $server: ID!) { effectivePolicy(apiKeyId: $key, serverId: $server) {
    layers { scope ownerId } rules { scope path mode value } ip { allowlist blocklist } rateLimit { perMinute perHour maxConcurrency maxRequestBytes } } }`;
  const { effectivePolicy } = await plane.admin.query(query, { key: apiKeyId, server: serverId });
  return effectivePolicy === null ? null : Object(effectivePolicy);
}

describe('setPolicy', () => {
  test.each([
    ['ORGANISATION', () => null],
    ['TEAM', () => teamId],
    ['USER', () => 'usr_ada'],
    ['API_KEY', () => apiKeyId],
    ['MCP_SERVER', () => serverId],
  ])('sets one of scope %s, and data planes get it', async (scope, owner) => {
    const { policy } = await set({ scope, ownerId: owner(), policies: PER_MINUTE, mode: 'OBSERVE' });
    expect(policy).toMatchObject({
      scope,
      ownerId: owner() ?? plane.organisationId,
      mode: 'OBSERVE',
      envelope: { policies: PER_MINUTE },
      trial: null,
      version: 1,
    });
    const [row] = await plane.database.query('select change from config_changes order by version desc limit 1');
    expect(row?.['change']).toMatchObject({ op: 'upsert', kind: 'policy', value: { scope, mode: 'OBSERVE', trial: null, envelope: { policies: PER_MINUTE } } });
  });

  test('tells which fields it touches; a dry run tells the same and changes nothing', async () => {
    await set(ofKey({ policies: PER_MINUTE }));
    const next = ofKey({
      policies: { ratelimit: { requests: { per_minute: 6 }, concurrency: { max: 2 } } },
      mode: 'OBSERVE',
      trial: { ip: { blocklist: ['10.0.0.0/8'] } },
    });
    const changes = [
      { path: 'policies.ratelimit.requests.per_minute', before: 5, after: 6 },
      { path: 'policies.ratelimit.concurrency.max', before: null, after: 2 },
      { path: 'mode', before: 'ENFORCE', after: 'OBSERVE' },
      { path: 'trial.ip.blocklist', before: null, after: ['10.0.0.0/8'] },
    ];
    expect((await set({ ...next, dryRun: true }))['changes']).toEqual(changes);
    expect(await plane.database.query('select version from policies')).toEqual([{ version: 1 }]);
    expect((await set(next))['changes']).toEqual(changes);
    expect((await set(next))['changes']).toEqual([]);
  });

  test('with an empty policy takes it away, in its version only', async () => {
    await set(ofKey({ policies: PER_MINUTE }));
    expect(await errorsOf(ofKey({ policies: {}, expectedVersion: 7 }))).toMatchObject([{ code: 'STALE_VERSION' }]);
    expect(await set(ofKey({ policies: {} }))).toMatchObject({
      policy: null,
      changes: [{ path: 'policies.ratelimit.requests.per_minute', before: 5, after: null }, {}],
    });
    expect(await plane.database.query('select id from policies')).toEqual([]);
    const [row] = await plane.database.query('select change from config_changes order by version desc limit 1');
    expect(row?.['change']).toMatchObject({ op: 'remove', kind: 'policy' });
    expect(await set(ofKey({ policies: {} }))).toMatchObject({ policy: null, changes: [] });
  });

  test('refuses what would refuse every call, unless that is meant or nothing is enforced', async () => {
    const policies = { ratelimit: { concurrency: { max: 0 } }, ip: { allowlist: ['10.1.0.0/16'], blocklist: ['10.0.0.0/8'] } };
    const faults = [
      { code: 'DENIES_ALL', field: ['policy', 'policies', 'ratelimit', 'concurrency', 'max'] },
      { code: 'DENIES_ALL', field: ['policy', 'policies', 'ip', 'allowlist'] },
    ];
    expect(await errorsOf(ofKey({ policies }))).toMatchObject(faults);
    const { validatePolicy } = await plane.admin.query('query($policy: JSON!) { validatePolicy(policy: $policy) { field code } }', { policy: policies });
    expect(validatePolicy).toEqual(faults.map(({ code, field }) => ({ field, code })));
    expect(await errorsOf(ofKey({ policies, mode: 'OBSERVE' }))).toEqual([]);
    expect(await errorsOf(ofKey({ policies: PER_MINUTE, trial: policies }))).toEqual([]);
    expect(await errorsOf(ofKey({ policies, mayDenyAll: true }))).toEqual([]);
  });

  test('finds what is wrong with a draft, and saves nothing', async () => {
    const ask = async (policy: unknown) =>
      (await plane.admin.query('query($policy: JSON!) { validatePolicy(policy: $policy) { field code } }', { policy }))['validatePolicy'];
    expect(await ask(PER_MINUTE)).toEqual([]);
    expect(await ask({ loops: { spiral: {} } })).toEqual([{ field: ['policy', 'policies', 'loops'], code: 'UNKNOWN_FIELD' }]);
    expect(await ask({ ip: { allowlist: ['10.0.0.0/33'] } })).toEqual([{ field: ['policy', 'policies', 'ip', 'allowlist', '0'], code: 'INVALID' }]);
    expect(await ask({ ratelimit: { requests: { per_minute: -1 } } })).toMatchObject([{ code: 'TOO_SMALL' }]);
  });

  test('leaves the global policy to the operator', async () => {
    expect(await errorsOf({ scope: 'GLOBAL', policies: PER_MINUTE })).toMatchObject([{ code: 'MANAGED_BY_FILE', field: ['scope'] }]);
  });
});

describe('the global policy', () => {
  test('comes from a file, is seen by every organisation, and follows the file', async () => {
    await applyGlobal({ policies: PER_MINUTE });
    const other = await plane.newOrganisation(`other-${Date.now()}`);
    for (const admin of [plane.admin, other.admin]) {
      const { policies } = await admin.query('{ policies(scope: [GLOBAL]) { scope ownerId envelope version } }');
      expect(policies).toEqual([{ scope: 'GLOBAL', ownerId: 'GLOBAL', envelope: { policies: PER_MINUTE }, version: 1 }]);
    }
    await applyGlobal({ policies: PER_MINUTE });
    await applyGlobal({ policies: PER_MINUTE, mode: 'OBSERVE' });
    expect(await plane.database.query('select version, mode, organisation_id from policies')).toEqual([{ version: 2, mode: 'OBSERVE', organisation_id: null }]);
    await applyGlobalPolicy(acrossOrganisations(orm.em), undefined, recordingLog().log);
    expect(await plane.database.query('select version from policies')).toHaveLength(1);
    await applyGlobal({ policies: {} });
    expect(await plane.database.query('select version from policies')).toEqual([]);
  });

  test.each([
    ['not json', 'cannot be read as JSON'],
    [{ policies: { ips: {} } }, 'policies: '],
    [{ policies: {}, modus: 'ENFORCE' }, 'modus'],
  ])('of %j is refused with the reason', async (content, reason) => {
    await expect(applyGlobal(content)).rejects.toThrow(reason);
  });

  test('cannot be written by whoever works for one organisation', async () => {
    await applyGlobal({ policies: PER_MINUTE });
    const inside = withinOrganisation(orm.em, plane.organisationId);
    expect(await inside.execute('select scope from policies')).toEqual([{ scope: 'GLOBAL' }]);
    await inside.execute(`update policies set mode = 'OBSERVE'`);
    await inside.execute('delete from policies');
    expect(await plane.database.query('select mode from policies')).toEqual([{ mode: 'ENFORCE' }]);
  });
});

describe('the effective policy', () => {
  test('has the layers in their order, their rules, and what they come to', async () => {
    await applyGlobal({ policies: { ip: { blocklist: ['203.0.113.0/24'] } } });
    await set({ scope: 'ORGANISATION', policies: { ip: { allowlist: ['10.0.0.0/8'] }, ratelimit: { requests: { per_minute: 100 } } } });
    await set({ scope: 'TEAM', ownerId: teamId, policies: { ip: { allowlist: ['10.1.0.0/16', '192.168.0.0/16'] } } });
    await set({ scope: 'USER', ownerId: 'usr_ada', policies: { ratelimit: { concurrency: { max: 3 } } } });
    await set(ofKey({ policies: PER_MINUTE, trial: { ratelimit: { requests: { per_hour: 1 } } } }));
    await set({ scope: 'MCP_SERVER', ownerId: serverId, mode: 'OBSERVE', policies: { ratelimit: { payload: { max_request_bytes: 10 } } } });
    expect(await effective()).toEqual({
      layers: ['GLOBAL', 'ORGANISATION', 'TEAM', 'USER', 'API_KEY', 'MCP_SERVER'].map((scope) => expect.objectContaining({ scope })),
      rules: [
        { scope: 'GLOBAL', path: 'policies.ip.blocklist', mode: 'ENFORCE', value: ['203.0.113.0/24'] },
        { scope: 'ORGANISATION', path: 'policies.ip.allowlist', mode: 'ENFORCE', value: ['10.0.0.0/8'] },
        { scope: 'TEAM', path: 'policies.ip.allowlist', mode: 'ENFORCE', value: ['10.1.0.0/16', '192.168.0.0/16'] },
        { scope: 'MCP_SERVER', path: 'policies.ratelimit.payload.max_request_bytes', mode: 'OBSERVE', value: 10 },
        { scope: 'ORGANISATION', path: 'policies.ratelimit.requests.per_minute', mode: 'ENFORCE', value: 100 },
        { scope: 'API_KEY', path: 'policies.ratelimit.requests.per_minute', mode: 'ENFORCE', value: 5 },
        { scope: 'API_KEY', path: 'trial.ratelimit.requests.per_hour', mode: 'OBSERVE', value: 1 },
        { scope: 'USER', path: 'policies.ratelimit.concurrency.max', mode: 'ENFORCE', value: 3 },
      ],
      ip: { allowlist: ['10.1.0.0/16'], blocklist: ['203.0.113.0/24'] },
      rateLimit: { perMinute: 5, perHour: null, maxConcurrency: 3, maxRequestBytes: null },
    });
  });

  test('is null for a key or a server of another organisation', async () => {
    const other = await plane.newOrganisation(`foreign-${Date.now()}`);
    const query = 'query($key: ID!, $server: ID!) { effectivePolicy(apiKeyId: $key, serverId: $server) { ip { blocklist } } }';
    expect(await other.admin.query(query, { key: apiKeyId, server: serverId })).toEqual({ effectivePolicy: null });
    expect(await plane.admin.query(query, { key: apiKeyId, server: 'srv_none' })).toEqual({ effectivePolicy: null });
  });
});

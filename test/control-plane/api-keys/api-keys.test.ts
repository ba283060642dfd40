/** A virtual key is shown once, changed with the version that it was decided on, and revoked for good. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { hasValidChecksum } from '../../../shared/token.ts';
import { newMember } from '../../support/browser.ts';
import { startTestControlPlane, userErrorsOf, type TestControlPlane } from '../../support/control-plane.ts';
import { keyStatus, toldKey } from '../../support/key-standing.ts';

let plane: TestControlPlane;

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());

const statusOf = (id: string) => keyStatus(plane, id);
const toldOf = (id: string) => toldKey(plane, id);

describe('creation', () => {
  test('the secret is in the one answer, and only its keyed hash is kept', async () => {
    const { id, prefix, secret } = await plane.admin.createApiKey({ name: 'once' });
    expect(secret.startsWith(`${prefix}_`) && hasValidChecksum(secret)).toBe(true);
    expect(await statusOf(id)).toBe('ACTIVE');
    expect((await toldOf(id)).hashes).toEqual([{ hash: plane.hasher.hash(secret), validUntilMillis: null }]);
    const [row] = await plane.database.query('select row_to_json(k)::text as text from api_keys k where id = $1', [id]);
    expect(row?.['text']).not.toContain(secret.slice(prefix.length + 1));
  });

  test('grants and a policy come with it, in the same version of the configuration', async () => {
    const server = await plane.admin.createServer({ name: 'granted', transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/' });
    const { id } = await plane.admin.createApiKey({ grantServerIds: [server.id, server.id], policy: { ratelimit: { requests: { per_minute: 5 } } } });
    const answer = await plane.admin.query(
      'query($id: ID!) { apiKey(id: $id) { policy { scope envelope } } grants(apiKeyId: $id) { nodes { server { slug } apiKey { id } } } }',
      { id },
    );
    expect(answer).toEqual({
      apiKey: { policy: { scope: 'API_KEY', envelope: { policies: { ratelimit: { requests: { per_minute: 5 } } } } } },
      grants: { nodes: [{ server: { slug: 'granted' }, apiKey: { id } }] },
    });
    const kinds = await plane.database.query(
      `select change->>'kind' as kind from config_changes where version = (select max(version) from config_changes) order by position`,
    );
    expect(kinds.map(({ kind }) => kind)).toEqual(['apiKey', 'policy', 'accessGrant']);
  });

  test('a key of a team carries the team', async () => {
    const { team } = await plane.admin.mutate('upsertTeam', 'UpsertTeamInput', { name: 'Platform' }, 'team { id }');
    const { id: teamId } = z.object({ id: z.string() }).parse(team);
    const { id } = await plane.admin.createApiKey({ type: 'TEAM', ownerId: teamId });
    expect(await plane.admin.query('query($id: ID!) { apiKey(id: $id) { type team { slug } } }', { id })).toEqual({
      apiKey: { type: 'TEAM', team: { slug: 'platform' } },
    });
    expect((await toldOf(id)).teamId).toBe(teamId);
  });

  test.each([
    [{ name: '', type: 'ORGANISATION' }, 'name', 'REQUIRED'],
    [{ name: 'x'.repeat(201), type: 'ORGANISATION' }, 'name', 'TOO_LONG'],
    [{ name: 'k', type: 'TEAM' }, 'ownerId', 'REQUIRED'],
    [{ name: 'k', type: 'ORGANISATION', ownerId: 'tea_x' }, 'ownerId', 'NOT_FOUND'],
    [{ name: 'k', type: 'ORGANISATION', expiresAt: '2020-01-01T00:00:00Z' }, 'expiresAt', 'OUT_OF_RANGE'],
  ])('%j is refused at %s with %s', async (input, field, code) => {
    expect(await userErrorsOf(plane, 'createApiKey', 'CreateApiKeyInput', input)).toMatchObject([{ field: [field], code }]);
  });

  test('a refused creation makes no key', async () => {
    const count = () => plane.database.query('select count(*)::int as keys from api_keys');
    const before = await count();
    await userErrorsOf(plane, 'createApiKey', 'CreateApiKeyInput', { name: 'k', type: 'ORGANISATION', grantServerIds: ['srv_none'] });
    expect(await count()).toEqual(before);
  });
});

describe('the end', () => {
  test('a revoked key is revoked once and for good', async () => {
    const { id } = await plane.admin.createApiKey();
    expect(await userErrorsOf(plane, 'revokeApiKey', 'IdInput', { id })).toEqual([]);
    expect(await statusOf(id)).toBe('REVOKED');
    expect((await toldOf(id)).state).toBe('REVOKED');
    expect(await userErrorsOf(plane, 'revokeApiKey', 'IdInput', { id })).toMatchObject([{ code: 'ALREADY_REVOKED' }]);
    expect(await userErrorsOf(plane, 'rotateApiKey', 'RotateApiKeyInput', { id })).toMatchObject([{ code: 'ALREADY_REVOKED' }]);
  });

  test('a version that is no longer the key’s revokes nothing', async () => {
    const { id } = await plane.admin.createApiKey();
    expect(await userErrorsOf(plane, 'revokeApiKey', 'IdInput', { id, expectedVersion: 9 })).toMatchObject([{ code: 'STALE_VERSION' }]);
    expect(await statusOf(id)).toBe('ACTIVE');
  });

  test.each([
    ['EXPIRED', `expires_at = now() - interval '1 second'`],
    ['DISABLED', `state = 'DISABLED'`],
    ['ROTATING', `grace_until = now() + interval '1 hour'`],
    ['ACTIVE', `grace_until = now() - interval '1 hour'`],
  ])('a key is %s when %s', async (status, change) => {
    const { id } = await plane.admin.createApiKey();
    await plane.database.query(`update api_keys set ${change} where id = $1`, [id]);
    expect(await statusOf(id)).toBe(status);
  });
});

describe('a change', () => {
  const FIELDS = 'id name status expiresAt disabledAt agentId denialStyle metadata version';

  test('is of what is given, with the version that it was decided on', async () => {
    const { id } = await plane.admin.createApiKey({ metadata: { owner: 'a' }, expiresAt: '2999-01-01T00:00:00.000Z' });
    const { apiKey } = await plane.admin.mutate('updateApiKey', 'UpdateApiKeyInput', { id, name: 'renamed', expectedVersion: 1 }, `apiKey { ${FIELDS} }`);
    expect(apiKey).toMatchObject({ name: 'renamed', expiresAt: '2999-01-01T00:00:00.000Z', metadata: { owner: 'a' }, version: 2 });
    const change = { id, expiresAt: null, denialStyle: 'TOOL_RESULT', metadata: {} };
    await plane.admin.mutate('updateApiKey', 'UpdateApiKeyInput', change, `apiKey { ${FIELDS} }`);
    expect(await toldOf(id)).toMatchObject({ name: 'renamed', expiresAtMillis: null, denialStyle: 'TOOL_RESULT' });
    expect(await userErrorsOf(plane, 'updateApiKey', 'UpdateApiKeyInput', { id, expectedVersion: 1 })).toMatchObject([{ code: 'STALE_VERSION' }]);
  });

  test('in a dry run is shown and not made', async () => {
    const { id } = await plane.admin.createApiKey({ name: 'as it was' });
    const { apiKey } = await plane.admin.mutate('updateApiKey', 'UpdateApiKeyInput', { id, name: 'dry', dryRun: true }, 'apiKey { name }');
    expect(apiKey).toEqual({ name: 'dry' });
    await plane.admin.mutate('setApiKeyDisabled', 'SetApiKeyDisabledInput', { id, disabled: true, dryRun: true }, 'apiKey { status }');
    expect(await toldOf(id)).toMatchObject({ name: 'as it was', state: 'ACTIVE' });
    expect(await statusOf(id)).toBe('ACTIVE');
  });

  test('binds the key to an agent, and to none again', async () => {
    const { agents } = await plane.admin.query('{ agents(first: 1) { nodes { id slug } } }');
    const [agent] = z.object({ nodes: z.array(z.object({ id: z.string(), slug: z.string() })) }).parse(agents).nodes;
    const { id } = await plane.admin.createApiKey({ agentId: agent?.id });
    expect((await toldOf(id)).agentId).toBe(agent?.id);
    expect(await plane.admin.query('query($id: ID!) { apiKey(id: $id) { agent { slug } } }', { id })).toEqual({ apiKey: { agent: { slug: agent?.slug } } });
    await plane.admin.mutate('updateApiKey', 'UpdateApiKeyInput', { id, agentId: null }, 'apiKey { id }');
    expect((await toldOf(id)).agentId).toBeNull();
  });

  test('switches it off and on again', async () => {
    const { id } = await plane.admin.createApiKey();
    const set = (disabled: boolean) => plane.admin.mutate('setApiKeyDisabled', 'SetApiKeyDisabledInput', { id, disabled }, `apiKey { ${FIELDS} }`);
    expect((await set(true))['apiKey']).toMatchObject({ status: 'DISABLED', disabledAt: expect.any(String) });
    expect((await toldOf(id)).state).toBe('DISABLED');
    expect((await set(false))['apiKey']).toMatchObject({ status: 'ACTIVE', disabledAt: null });
    expect((await toldOf(id)).state).toBe('ACTIVE');
  });

  test.each([
    ['updateApiKey', 'UpdateApiKeyInput', { name: 'x' }],
    ['setApiKeyDisabled', 'SetApiKeyDisabledInput', { disabled: false }],
  ])('of a revoked key is refused by %s', async (mutation, type, input) => {
    const { id } = await plane.admin.createApiKey();
    await plane.admin.mutate('revokeApiKey', 'IdInput', { id }, 'apiKey { id }');
    expect(await userErrorsOf(plane, mutation, type, { id, ...input })).toMatchObject([{ code: 'ALREADY_REVOKED' }]);
    expect(await statusOf(id)).toBe('REVOKED');
  });
});

test('who made a key or gave a grant is told where it was a person', async () => {
  const { browser, userId } = await newMember(plane, 'maker@example.com', 'MANAGER');
  const server = await plane.admin.createServer({ name: 'made', transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/' });
  const made = await browser.ask(
    `mutation { createApiKey(input: {name: "mine", type: ORGANISATION, grantServerIds: ["${server.id}"]}) { apiKey { createdBy { id } grants { nodes { createdBy { id } } } } } }`,
  );
  expect(made.data).toEqual({ createApiKey: { apiKey: { createdBy: { id: userId }, grants: { nodes: [{ createdBy: { id: userId } }] } } } });
  const { id } = await plane.admin.createApiKey();
  expect(await plane.admin.query('query($id: ID!) { apiKey(id: $id) { createdBy { id } } }', { id })).toEqual({ apiKey: { createdBy: null } });
});

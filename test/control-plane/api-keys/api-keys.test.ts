/** A virtual key is shown once, works on after a rotation for its grace, and is revoked for good. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { apiKeySchema } from '../../../shared/api-key.ts';
import { SecretKey } from '../../../shared/secret-key.ts';
import { hasValidChecksum, TokenHasher } from '../../../shared/token.ts';
import { newMember } from '../../support/browser.ts';
import { startTestControlPlane, userErrorsOf, type TestControlPlane } from '../../support/control-plane.ts';

let plane: TestControlPlane;
let hasher: TokenHasher;

beforeAll(async () => {
  plane = await startTestControlPlane();
  hasher = new TokenHasher(new SecretKey(plane.settings.secretKey).derive('token-hash'));
});
afterAll(() => plane?.close());

async function statusOf(id: string): Promise<unknown> {
  const { apiKey } = await plane.admin.query('query($id: ID!) { apiKey(id: $id) { status } }', { id });
  return z.object({ status: z.string() }).parse(apiKey).status;
}

/** What the data planes are told of the key last. */
async function toldOf(id: string) {
  const [row] = await plane.database.query(
    `select change->'value' as value from config_changes where change->'value'->>'id' = $1 order by version desc, position desc limit 1`,
    [id],
  );
  return apiKeySchema.parse(row?.['value']);
}

describe('creation', () => {
  test('the secret is in the one answer, and only its keyed hash is kept', async () => {
    const { id, prefix, secret } = await plane.admin.createApiKey({ name: 'once' });
    expect(secret.startsWith(`${prefix}_`) && hasValidChecksum(secret)).toBe(true);
    expect(await statusOf(id)).toBe('ACTIVE');
    expect((await toldOf(id)).hashes).toEqual([{ hash: hasher.hash(secret), validUntilMillis: null }]);
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

describe('rotation', () => {
  const rotate = async (id: string, graceSeconds?: number) => {
    const payload = await plane.admin.mutate(
      'rotateApiKey',
      'RotateApiKeyInput',
      { id, ...(graceSeconds === undefined ? {} : { graceSeconds }) },
      'apiKey { prefix status graceUntil } secret',
    );
    return z.object({ secret: z.string(), apiKey: z.object({ prefix: z.string(), status: z.string(), graceUntil: z.string() }) }).parse(payload);
  };

  test('both secrets open the key until the grace ends', async () => {
    const key = await plane.admin.createApiKey();
    const { secret, apiKey } = await rotate(key.id, 600);
    expect(apiKey.status).toBe('ROTATING');
    const told = await toldOf(key.id);
    expect(told.prefix).toBe(apiKey.prefix);
    expect(told.hashes).toEqual([
      { hash: hasher.hash(secret), validUntilMillis: null },
      { hash: hasher.hash(key.secret), validUntilMillis: Date.parse(apiKey.graceUntil) },
    ]);
  });

  test('the grace is a day when nothing else is said, and none ends the old secret at once', async () => {
    const key = await plane.admin.createApiKey();
    const { apiKey } = await rotate(key.id);
    expect(Date.parse(apiKey.graceUntil) - Date.now()).toBeGreaterThan(86_000_000);
    expect((await rotate(key.id, 0)).apiKey.status).toBe('ACTIVE');
  });

  test('a second rotation ends the first one’s grace', async () => {
    const key = await plane.admin.createApiKey();
    const first = await rotate(key.id);
    const second = await rotate(key.id);
    expect((await toldOf(key.id)).hashes.map(({ hash }) => hash)).toEqual([hasher.hash(second.secret), hasher.hash(first.secret)]);
  });

  test('of many rotations at once, each secret that was handed out last still works', async () => {
    const key = await plane.admin.createApiKey();
    const secrets = (await Promise.all(Array.from({ length: 6 }, () => rotate(key.id)))).map(({ secret }) => hasher.hash(secret));
    const { hashes } = await toldOf(key.id);
    expect(hashes).toHaveLength(2);
    expect(hashes.every(({ hash }) => secrets.includes(hash))).toBe(true);
    expect(await plane.database.query('select version from api_keys where id = $1', [key.id])).toEqual([{ version: 7 }]);
  });

  test.each([-1, 31 * 86_400])('a grace of %d seconds is refused', async (graceSeconds) => {
    const { id } = await plane.admin.createApiKey();
    expect(await userErrorsOf(plane, 'rotateApiKey', 'RotateApiKeyInput', { id, graceSeconds })).toMatchObject([
      { field: ['graceSeconds'], code: 'OUT_OF_RANGE' },
    ]);
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

describe('an expired key', () => {
  const expired = async () => {
    const key = await plane.admin.createApiKey({ expiresAt: '2999-01-01T00:00:00.000Z' });
    await plane.database.query(`update api_keys set expires_at = now() - interval '1 second' where id = $1`, [key.id]);
    return key;
  };

  test('is extended by rotation only, and its old secret stays dead', async () => {
    const { id, prefix } = await expired();
    for (const expiresAt of ['2999-01-01T00:00:00.000Z', null])
      expect(await userErrorsOf(plane, 'updateApiKey', 'UpdateApiKeyInput', { id, expiresAt })).toMatchObject([{ field: ['expiresAt'], code: 'CONFLICT' }]);
    expect(await userErrorsOf(plane, 'rotateApiKey', 'RotateApiKeyInput', { id })).toMatchObject([{ field: ['expiresAt'], code: 'REQUIRED' }]);
    const input = { id, expiresAt: '2999-01-01T00:00:00.000Z' };
    const { apiKey, secret } = await plane.admin.mutate('rotateApiKey', 'RotateApiKeyInput', input, 'apiKey { status rotatedFrom graceUntil } secret');
    expect(apiKey).toEqual({ status: 'ACTIVE', rotatedFrom: prefix, graceUntil: null });
    expect((await toldOf(id)).hashes).toEqual([{ hash: hasher.hash(z.string().parse(secret)), validUntilMillis: null }]);
  });

  test('is not brought back by an expiry that lies in the past', async () => {
    const { id } = await expired();
    expect(await userErrorsOf(plane, 'rotateApiKey', 'RotateApiKeyInput', { id, expiresAt: '2020-01-01T00:00:00Z' })).toMatchObject([
      { field: ['expiresAt'], code: 'OUT_OF_RANGE' },
    ]);
  });

  test('had an old secret that never outlives the expiry it was given with', async () => {
    const expiresAt = new Date(Date.now() + 60_000).toISOString();
    const { id } = await plane.admin.createApiKey({ expiresAt });
    await plane.admin.mutate('rotateApiKey', 'RotateApiKeyInput', { id, expiresAt: null, graceSeconds: 86_400 }, 'apiKey { id }');
    expect((await toldOf(id)).hashes.map(({ validUntilMillis }) => validUntilMillis)).toEqual([null, Date.parse(expiresAt)]);
  });
});

test('a filter finds the keys that fit all of it', async () => {
  const { team } = await plane.admin.mutate('upsertTeam', 'UpsertTeamInput', { name: 'Filtered' }, 'team { id }');
  const { id: teamId } = z.object({ id: z.string() }).parse(team);
  const { agent } = await plane.admin.mutate('createAgent', 'CreateAgentInput', { name: 'Filtered' }, 'agent { id }');
  const { id: agentId } = z.object({ id: z.string() }).parse(agent);
  const server = await plane.admin.createServer({ name: 'filtered', transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/' });
  const make = (name: string, input: Record<string, unknown> = {}) => plane.admin.createApiKey({ name: `filtered ${name}`, ...input });
  await make('plain');
  await make('of team', { type: 'TEAM', ownerId: teamId });
  await make('bound', { agentId });
  await make('granted 100%', { grantServerIds: [server.id] });
  const states = {
    expired: `expires_at = now() - interval '1 s'`,
    rotating: `grace_until = now() + interval '1 h'`,
    disabled: `state = 'DISABLED'`,
    revoked: `state = 'REVOKED'`,
  };
  for (const [name, change] of Object.entries(states)) {
    const { id } = await make(name);
    await plane.database.query(`update api_keys set ${change} where id = $1`, [id]);
  }
  const used = await make('used');
  await plane.database.query(`update api_keys set last_used_at = '2026-01-01T00:00:00Z' where id = $1`, [used.id]);
  const found = async (filter: Record<string, unknown>) => {
    const { apiKeys } = await plane.admin.query('query($filter: ApiKeyFilter) { apiKeys(first: 200, filter: $filter) { totalCount nodes { name status } } }', {
      filter: { search: 'FILTERED', ...filter },
    });
    const { totalCount, nodes } = z.object({ totalCount: z.number(), nodes: z.array(z.object({ name: z.string() })) }).parse(apiKeys);
    expect(totalCount).toBe(nodes.length);
    return nodes.map(({ name }) => name.replace('filtered ', ''));
  };
  const all = ['plain', 'of team', 'bound', 'granted 100%', 'expired', 'rotating', 'disabled', 'revoked', 'used'];
  expect(await found({})).toEqual(all);
  expect(await found({ search: 'ed 100%' })).toEqual(['granted 100%']);
  expect(await found({ search: '_______' })).toEqual([]);
  expect(await found({ type: ['TEAM'] })).toEqual(['of team']);
  expect(await found({ teamId: [teamId] })).toEqual(['of team']);
  expect(await found({ userId: ['usr_none'] })).toEqual([]);
  expect(await found({ agentId: [agentId] })).toEqual(['bound']);
  expect(await found({ serverId: [server.id] })).toEqual(['granted 100%']);
  expect(await found({ serverId: [] })).toEqual([]);
  expect(await found({ status: ['ACTIVE'] })).toEqual(['plain', 'of team', 'bound', 'granted 100%', 'used']);
  for (const status of Object.keys(states)) expect(await found({ status: [status.toUpperCase()] })).toEqual([status]);
  expect(await found({ status: ['EXPIRED', 'REVOKED'] })).toEqual(['expired', 'revoked']);
  expect(await found({ unusedSince: '2025-12-31T00:00:00Z' })).toEqual(all.slice(0, -1));
  expect(await found({ unusedSince: '2026-01-02T00:00:00Z', status: ['ACTIVE'], type: ['ORGANISATION'] })).toEqual(['plain', 'bound', 'granted 100%', 'used']);
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

test('pages follow each other without gap or repetition, and count only when asked', async () => {
  for (let made = 0; made < 5; made++) await plane.admin.createApiKey({ name: `paged ${made}` });
  const seen: string[] = [];
  let after: string | null = null;
  do {
    const { apiKeys } = await plane.admin.query(
      'query($after: String) { apiKeys(first: 2, after: $after) { nodes { id } edges { node { id } } pageInfo { hasNextPage endCursor } } }',
      { after },
    );
    const page = z
      .object({
        nodes: z.array(z.object({ id: z.string() })),
        edges: z.array(z.object({ node: z.object({ id: z.string() }) })),
        pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string() }),
      })
      .parse(apiKeys);
    expect(page.edges.map(({ node }) => node)).toEqual(page.nodes);
    seen.push(...page.nodes.map(({ id }) => id));
    after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
  } while (after !== null);
  const rows = await plane.database.query('select id from api_keys order by id');
  expect(seen).toEqual(rows.map(({ id }) => id));
  expect(await plane.admin.query('{ apiKeys(first: 1) { totalCount } }')).toEqual({ apiKeys: { totalCount: rows.length } });
});

test.each(['first: 0', 'first: 201', 'after: "nonsense"'])('a page of %s is refused', async (args) => {
  expect((await plane.ask(`{ apiKeys(${args}) { nodes { id } } }`)).errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT' });
});

/** Budgets and quotas as people manage them: what may be said, what is refused and why, and what data planes hear of it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { limitSchema } from '../../../shared/limit.ts';
import { startTestControlPlane, userErrorsOf, type TestControlPlane } from '../../support/control-plane.ts';
import { changesOf, followFeed, type FollowedFeed } from '../../support/feed-client.ts';
import { newLimit, OWN_DAILY } from '../../support/limits.ts';

const FIELDS = `id name ownerType ownerId mcpServerId server { slug } tool period timezone startAt endAt rollover active mode version`;

let plane: TestControlPlane;
let feed: FollowedFeed;
let serverId: string;
let keyId: string;

beforeAll(async () => {
  plane = await startTestControlPlane();
  serverId = (await plane.admin.createServer({ name: 'Tools', transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/' })).id;
  keyId = (await plane.admin.createApiKey()).id;
  feed = await followFeed(plane.url, (await plane.newDataPlaneToken()).token);
  await feed.snapshot();
});
afterAll(async () => {
  await feed?.close();
  await plane?.close();
});

/** The next that the data planes hear of a limit, whatever they hear of others. */
async function heardOf(id: string): Promise<{ op: string; value: Record<string, unknown> | undefined }> {
  for (;;) {
    const change = changesOf(await feed.nextChange()).find((heard) => heard.id === id);
    if (change !== undefined) return change;
  }
}

async function versionOfConfig(): Promise<unknown> {
  return plane.database.query('select version from config_version');
}

describe('a budget', () => {
  test('is made to the nano, narrowed to a tool, and in force as a document that data planes can read', async () => {
    const { budget } = await plane.admin.mutate(
      'createBudget',
      'BudgetInput',
      {
        name: ' Agents of support ',
        ownerType: 'API_KEY',
        ownerId: keyId,
        serverId,
        tool: 'search',
        limitUsd: '12.000000001',
        warnAtPercent: [100, 50, 50],
        schedule: { period: 'WEEKLY', timezone: 'Europe/Berlin', startAt: '2026-01-01T00:00:00Z', endAt: '2100-01-01T00:00:00Z', rollover: true },
        mode: 'OBSERVE',
      },
      `budget { ${FIELDS} warnAtPercent limit { nanosUsd usd } }`,
    );
    expect(budget).toEqual({
      id: expect.stringMatching(/^lim_/),
      name: 'Agents of support',
      ownerType: 'API_KEY',
      ownerId: keyId,
      mcpServerId: serverId,
      server: { slug: 'tools' },
      tool: 'search',
      period: 'WEEKLY',
      timezone: 'Europe/Berlin',
      startAt: '2026-01-01T00:00:00.000Z',
      endAt: '2100-01-01T00:00:00.000Z',
      rollover: true,
      active: true,
      mode: 'OBSERVE',
      version: 1,
      warnAtPercent: [50, 100],
      limit: { nanosUsd: '12000000001', usd: '12.000000001' },
    });
    const { op, value } = await heardOf(z.object({ id: z.string() }).parse(budget).id);
    expect(op).toBe('upsert');
    expect(limitSchema.parse(value)).toMatchObject({
      organisationId: plane.organisationId,
      ownerId: keyId,
      mcpServerId: serverId,
      tool: 'search',
      metric: 'NANO_USD',
      amount: '12000000001',
      rollover: true,
      mode: 'OBSERVE',
    });
  });

  test('without more than it needs begins with the window of the moment, warns at 80 and 100 percent, and enforces', async () => {
    const before = new Date();
    const { budget } = await plane.admin.mutate('createBudget', 'BudgetInput', { ...OWN_DAILY, limitUsd: '0' }, `budget { ${FIELDS} warnAtPercent }`);
    expect(budget).toMatchObject({ ownerId: plane.organisationId, endAt: null, rollover: false, mode: 'ENFORCE', warnAtPercent: [80, 100] });
    expect(z.object({ startAt: z.string() }).parse(budget).startAt).toBe(`${before.toISOString().slice(0, 10)}T00:00:00.000Z`);
  });

  test('is changed in what is said of it, by one version after the other', async () => {
    const id = await newLimit(plane.admin, 'Budget', { limitUsd: '5', schedule: { ...OWN_DAILY.schedule, endAt: '2100-01-01T00:00:00Z' } });
    const made = await heardOf(id);
    const update = (input: Record<string, unknown>) =>
      plane.admin.mutate('updateBudget', 'UpdateBudgetInput', { id, ...input }, `budget { ${FIELDS} limit { usd } }`);
    expect(await update({ limitUsd: '7.5', name: 'More', expectedVersion: 1 })).toMatchObject({
      budget: { version: 2, name: 'More', limit: { usd: '7.5' }, endAt: '2100-01-01T00:00:00.000Z' },
    });
    expect((await heardOf(id)).value).toMatchObject({ amount: '7500000000', countedSinceMillis: made.value?.['countedSinceMillis'] });
    expect(await userErrorsOf(plane, 'updateBudget', 'UpdateBudgetInput', { id, limitUsd: '1', expectedVersion: 1 })).toMatchObject([
      { code: 'STALE_VERSION', field: ['expectedVersion'] },
    ]);
    expect(await update({ schedule: { ...OWN_DAILY.schedule, endAt: null, rollover: true } })).toMatchObject({ budget: { endAt: null, rollover: true } });
    expect((await heardOf(id)).value).toMatchObject({ endAtMillis: null, rollover: true, countedSinceMillis: made.value?.['countedSinceMillis'] });
  });

  test('lets room for many calls be taken at once, until every call is to ask again', async () => {
    const id = await newLimit(plane.admin, 'Budget', { limitUsd: '5' });
    expect((await heardOf(id)).value).toMatchObject({ allotmentCalls: null });
    const update = (allotmentCalls: number | null) =>
      plane.admin.mutate('updateBudget', 'UpdateBudgetInput', { id, allotmentCalls }, 'budget { allotmentCalls }');
    expect(await update(100)).toMatchObject({ budget: { allotmentCalls: 100 } });
    expect(limitSchema.parse((await heardOf(id)).value)).toMatchObject({ allotmentCalls: 100 });
    expect(await update(null)).toMatchObject({ budget: { allotmentCalls: 100 } });
    await heardOf(id);
    expect(await update(1)).toMatchObject({ budget: { allotmentCalls: null } });
    expect((await heardOf(id)).value).toMatchObject({ allotmentCalls: null });
  });

  test('under another calendar begins to count anew', async () => {
    const id = await newLimit(plane.admin, 'Budget', { limitUsd: '5' });
    const made = z.number().parse((await heardOf(id)).value?.['countedSinceMillis']);
    await plane.admin.mutate('updateBudget', 'UpdateBudgetInput', { id, schedule: { period: 'MONTHLY', timezone: 'UTC' } }, 'budget { id }');
    expect(z.number().parse((await heardOf(id)).value?.['countedSinceMillis'])).toBeGreaterThan(made);
  });

  test('that is not active is none to the data planes, in deltas and snapshots', async () => {
    const id = await newLimit(plane.admin, 'Budget', { limitUsd: '5' });
    await heardOf(id);
    await plane.admin.mutate('updateBudget', 'UpdateBudgetInput', { id, active: false }, 'budget { active }');
    expect(await heardOf(id)).toMatchObject({ op: 'remove' });
    const fresh = await followFeed(plane.url, (await plane.newDataPlaneToken()).token);
    const { upserts } = await fresh.snapshot();
    await fresh.close();
    expect(upserts.some(({ kind }) => kind === 'limit')).toBe(true);
    expect(upserts.some((upsert) => upsert.id === id)).toBe(false);
    await plane.admin.mutate('updateBudget', 'UpdateBudgetInput', { id, active: true }, 'budget { active }');
    expect(await heardOf(id)).toMatchObject({ op: 'upsert' });
  });

  test('that is deleted is gone, for people and for data planes', async () => {
    const id = await newLimit(plane.admin, 'Budget', { limitUsd: '5' });
    await heardOf(id);
    expect(await userErrorsOf(plane, 'deleteLimit', 'IdInput', { id, expectedVersion: 2 })).toMatchObject([{ code: 'STALE_VERSION' }]);
    expect(await plane.admin.mutate('deleteLimit', 'IdInput', { id }, 'deletedId')).toMatchObject({ deletedId: id });
    expect(await heardOf(id)).toMatchObject({ op: 'remove' });
    expect(await userErrorsOf(plane, 'deleteLimit', 'IdInput', { id })).toMatchObject([{ code: 'NOT_FOUND', field: ['id'] }]);
  });

  test('is no quota: neither is changed by the other’s name, and each has a list of its own', async () => {
    const [budget, quota] = [await newLimit(plane.admin, 'Budget', { limitUsd: '1' }), await newLimit(plane.admin, 'Quota', { metric: 'ERRORS', limit: '1' })];
    expect(await userErrorsOf(plane, 'updateQuota', 'UpdateQuotaInput', { id: budget, limit: '2' })).toMatchObject([
      { code: 'NOT_FOUND', message: 'there is no such quota' },
    ]);
    expect(await userErrorsOf(plane, 'updateBudget', 'UpdateBudgetInput', { id: quota, limitUsd: '2' })).toMatchObject([{ code: 'NOT_FOUND' }]);
    const lists = await plane.admin.query('{ budgets { nodes { id } } quotas { nodes { id metric limit } } }');
    expect(JSON.stringify(lists['budgets'])).toContain(budget);
    expect(JSON.stringify(lists['budgets'])).not.toContain(quota);
    expect(lists['quotas']).toEqual({ nodes: [{ id: quota, metric: 'ERRORS', limit: '1' }] });
  });

  test('that is only tried out changes nothing', async () => {
    const before = await versionOfConfig();
    const { budget, changes } = await plane.admin.mutate(
      'createBudget',
      'BudgetInput',
      { ...OWN_DAILY, limitUsd: '3', dryRun: true },
      'budget { limit { usd } } changes { path before after }',
    );
    expect(changes).toContainEqual({ path: 'limitUsd', before: null, after: '3' });
    expect(budget).toEqual({ limit: { usd: '3' } });
    expect(await versionOfConfig()).toEqual(before);
  });

  test('and a quota say which of their fields a change touches, in a dry run too', async () => {
    const id = await newLimit(plane.admin, 'Quota', { metric: 'REQUESTS', limit: '5' });
    for (const dryRun of [true, false]) {
      const input = { id, limit: '6', mode: 'OBSERVE', dryRun };
      const { changes } = await plane.admin.mutate('updateQuota', 'UpdateQuotaInput', input, 'changes { path before after }');
      expect(changes).toEqual([
        { path: 'limit', before: '5', after: '6' },
        { path: 'mode', before: 'ENFORCE', after: 'OBSERVE' },
      ]);
    }
  });
});

test('lists are filtered by owner, server and whether they are in force, and come in pages', async () => {
  const other = await plane.newOrganisation('listed');
  const own = await other.admin.createServer({ name: 'S', transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/' });
  const ids = [
    await newLimit(other.admin, 'Budget', { limitUsd: '1' }),
    await newLimit(other.admin, 'Budget', { limitUsd: '1', serverId: own.id }),
    await newLimit(other.admin, 'Budget', { limitUsd: '1', ownerType: 'MCP_SERVER', ownerId: own.id }),
  ];
  await other.admin.mutate('updateBudget', 'UpdateBudgetInput', { id: ids[0], active: false }, 'budget { id }');
  const listed = async (filter: string) => {
    const { budgets } = await other.admin.query(`{ budgets${filter} { nodes { id } } }`);
    return z
      .object({ nodes: z.array(z.object({ id: z.string() })) })
      .parse(budgets)
      .nodes.map(({ id }) => ids.indexOf(id));
  };
  expect(await listed('')).toEqual([0, 1, 2]);
  expect(await listed(`(ownerId: ["${own.id}"])`)).toEqual([2]);
  expect(await listed(`(serverId: ["${own.id}"])`)).toEqual([1]);
  expect(await listed('(active: true)')).toEqual([1, 2]);
  const page = await other.admin.query('{ budgets(first: 2) { totalCount pageInfo { hasNextPage endCursor } } }');
  const { endCursor } = z
    .object({ budgets: z.object({ totalCount: z.literal(3), pageInfo: z.object({ hasNextPage: z.literal(true), endCursor: z.string() }) }) })
    .parse(page).budgets.pageInfo;
  expect(await listed(`(after: "${endCursor}")`)).toEqual([2]);
});

describe('what is refused, at its field', () => {
  const budget = { ...OWN_DAILY, limitUsd: '1' };
  const quota = { ...OWN_DAILY, metric: 'REQUESTS', limit: '1' };
  const cases: [string, string, string, () => Record<string, unknown>, { field: string[]; code: string }][] = [
    ['an amount that is none', 'createBudget', 'BudgetInput', () => ({ ...budget, limitUsd: '5 USD' }), { field: ['limitUsd'], code: 'INVALID' }],
    ['less than a nano', 'createBudget', 'BudgetInput', () => ({ ...budget, limitUsd: '0.0000000001' }), { field: ['limitUsd'], code: 'INVALID' }],
    ['less than nothing', 'createBudget', 'BudgetInput', () => ({ ...budget, limitUsd: '-1' }), { field: ['limitUsd'], code: 'INVALID' }],
    [
      'more than can be counted',
      'createBudget',
      'BudgetInput',
      () => ({ ...budget, limitUsd: '9007199.254740992' }),
      { field: ['limitUsd'], code: 'TOO_LARGE' },
    ],
    [
      'more than two windows together can count',
      'createBudget',
      'BudgetInput',
      () => ({ ...budget, limitUsd: '4503599.627370496', schedule: { ...OWN_DAILY.schedule, rollover: true } }),
      { field: ['limitUsd'], code: 'TOO_LARGE' },
    ],
    [
      'room for more calls than a settlement tells',
      'createBudget',
      'BudgetInput',
      () => ({ ...budget, allotmentCalls: 1001 }),
      { field: ['allotmentCalls'], code: 'TOO_LARGE' },
    ],
    ['room for no call', 'createQuota', 'QuotaInput', () => ({ ...quota, allotmentCalls: 0 }), { field: ['allotmentCalls'], code: 'TOO_SMALL' }],
    ['a quota below 0', 'createQuota', 'QuotaInput', () => ({ ...quota, limit: '-1' }), { field: ['limit'], code: 'TOO_SMALL' }],
    ['a quota beyond counting', 'createQuota', 'QuotaInput', () => ({ ...quota, limit: '9007199254740992' }), { field: ['limit'], code: 'TOO_LARGE' }],
    [
      'an offset for a timezone',
      'createBudget',
      'BudgetInput',
      () => ({ ...budget, schedule: { period: 'DAILY', timezone: '+01:00' } }),
      { field: ['schedule', 'timezone'], code: 'INVALID' },
    ],
    [
      'a timezone of nobody',
      'createQuota',
      'QuotaInput',
      () => ({ ...quota, schedule: { period: 'DAILY', timezone: 'Mars/Olympus' } }),
      { field: ['schedule', 'timezone'], code: 'INVALID' },
    ],
    [
      'an end before the beginning',
      'createBudget',
      'BudgetInput',
      () => ({ ...budget, schedule: { ...OWN_DAILY.schedule, startAt: '2026-02-01T00:00:00Z', endAt: '2026-02-01T00:00:00Z' } }),
      { field: ['schedule', 'endAt'], code: 'OUT_OF_RANGE' },
    ],
    [
      'a warning above 100 percent',
      'createBudget',
      'BudgetInput',
      () => ({ ...budget, warnAtPercent: [80, 101] }),
      { field: ['warnAtPercent', '1'], code: 'TOO_LARGE' },
    ],
    ['no name', 'createBudget', 'BudgetInput', () => ({ ...budget, name: '  ' }), { field: ['name'], code: 'REQUIRED' }],
    ['a team that is not named', 'createBudget', 'BudgetInput', () => ({ ...budget, ownerType: 'TEAM' }), { field: ['ownerId'], code: 'REQUIRED' }],
    [
      'a person of no key',
      'createBudget',
      'BudgetInput',
      () => ({ ...budget, ownerType: 'USER', ownerId: 'usr_x' }),
      { field: ['ownerId'], code: 'NOT_FOUND' },
    ],
    ['a tool of no server', 'createBudget', 'BudgetInput', () => ({ ...budget, tool: 'search' }), { field: ['serverId'], code: 'REQUIRED' }],
    ['a tool without a name', 'createBudget', 'BudgetInput', () => ({ ...budget, serverId, tool: '' }), { field: ['tool'], code: 'REQUIRED' }],
    [
      'a server narrowed to another',
      'createBudget',
      'BudgetInput',
      () => ({ ...budget, ownerType: 'MCP_SERVER', ownerId: serverId, serverId: 'srv_other' }),
      { field: ['serverId'], code: 'INVALID' },
    ],
  ];

  test.each(cases)('%s', async (_what, mutation, inputType, input, expected) => {
    const before = await versionOfConfig();
    expect(await userErrorsOf(plane, mutation, inputType, input())).toMatchObject([expected]);
    expect(await versionOfConfig()).toEqual(before);
  });

  test('rollover for a limit that is too large for it, in a change as well', async () => {
    const id = await newLimit(plane.admin, 'Quota', { metric: 'INPUT_BYTES', limit: '9007199254740991' });
    const schedule = { ...OWN_DAILY.schedule, rollover: true };
    expect(await userErrorsOf(plane, 'updateQuota', 'UpdateQuotaInput', { id, schedule })).toMatchObject([{ field: ['limit'], code: 'TOO_LARGE' }]);
  });
});

test('a user is an owner once a key is theirs', async () => {
  await plane.database.query(`update api_keys set user_id = 'usr_known' where id = $1`, [keyId]);
  expect(await newLimit(plane.admin, 'Budget', { ownerType: 'USER', ownerId: 'usr_known', limitUsd: '1' })).toMatch(/^lim_/);
});

test('what a limit stands on cannot be taken away from under it', async () => {
  const key = await plane.admin.createApiKey();
  const server = await plane.admin.createServer({ name: 'Owned', transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/' });
  await newLimit(plane.admin, 'Budget', { ownerType: 'API_KEY', ownerId: key.id, serverId: server.id, limitUsd: '1' });
  await expect(plane.database.query('delete from api_keys where id = $1', [key.id])).rejects.toThrow('limits_owning_api_key_id_fkey');
  await expect(plane.database.query('delete from mcp_servers where id = $1', [server.id])).rejects.toThrow('limits_mcp_server_id_fkey');
});

/** Keys are found by everything that is asked of them at once, and told page by page. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';

let plane: TestControlPlane;

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());

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

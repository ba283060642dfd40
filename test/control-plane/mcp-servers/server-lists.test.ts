/** Lists of servers: filtered and ordered, each server once from either end, and at the same cost however many there are. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { writeUsageEvent } from '../../../shared/usage-event.ts';
import { newId } from '../../../shared/ids.ts';
import { ALLOWED_STDIO, startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';
import { eventually } from '../../support/processes.ts';
import { usageEvent } from '../../support/usage.ts';

const HTTP = { transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/mcp' } as const;
const ORDERS = ['NAME', 'CREATED_AT', 'UPDATED_AT', 'LAST_USED_AT'] as const;
const DIRECTIONS = ['ASC', 'DESC'] as const;
const pageSchema = z.object({
  nodes: z.array(z.object({ slug: z.string() })),
  totalCount: z.number().nullish(),
  pageInfo: z.object({ hasNextPage: z.boolean(), hasPreviousPage: z.boolean(), startCursor: z.string().nullable(), endCursor: z.string().nullable() }),
});

let plane: TestControlPlane;
let ids: Record<string, string>;
let keyId: string;
let teamId: string;

beforeAll(async () => {
  plane = await startTestControlPlane();
  const { team } = await plane.admin.mutate('upsertTeam', 'UpsertTeamInput', { name: 'Payments' }, 'team { id }');
  teamId = z.object({ id: z.string() }).parse(team).id;
  const made = [
    ['alpha', { ...HTTP, description: 'First of all' }],
    ['bravo', { transport: 'SSE', endpointUrl: 'https://example.com/sse', isPublic: true }],
    ['charlie', { transport: 'STDIO', ...ALLOWED_STDIO }],
    ['delta', { ...HTTP, auth: { bearer: { token: 'x' } }, enabled: false }],
    ['echo', { ...HTTP, scope: { teamId } }],
    ['foxtrot', { ...HTTP, name: 'Alpha' }],
    ['golf', { ...HTTP, name: 'Alpha' }],
  ] as const;
  ids = {};
  for (const [slug, input] of made) ids[slug] = (await plane.admin.createServer({ name: slug, slug, ...input })).id;
  await plane.admin.mutate('importServers', 'ImportServersInput', { document: { mcpServers: { hotel: { url: 'http://127.0.0.1:9/' } } } }, 'servers { name }');
  await plane.admin.mutate('installCatalogEntry', 'InstallCatalogEntryInput', { entryId: 'cat_deepwiki', slug: 'india' }, 'server { id }');
  keyId = (await plane.admin.createApiKey({ grantServerIds: [ids['alpha'], ids['echo']] })).id;
  const now = Date.now();
  for (const [slug, age] of Object.entries({ golf: 1, alpha: 2, delta: 3 }))
    plane.usageQueue.append(
      writeUsageEvent(usageEvent({ organisationId: plane.organisationId, serverId: ids[slug] ?? null, timeMillis: now - age * 3_600_000 })),
    );
  await eventually(() => (plane.usageQueue.size === 0 ? true : undefined), 'every event being stored');
});
afterAll(() => plane?.close());

async function list(args: string) {
  const selection = 'nodes { slug } totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }';
  return pageSchema.parse((await plane.admin.query(`{ servers(${args}) { ${selection} } }`))['servers']);
}
const slugs = async (args: string) => (await list(args)).nodes.map(({ slug }) => slug);
const filtered = async (filter: string) => (await slugs(`filter: {${filter}}`)).toSorted();

describe('filters', () => {
  test.each([
    ['search: "ALPHA"', 'alpha foxtrot golf'],
    ['search: "first of"', 'alpha'],
    ['search: "%"', ''],
    ['slug: ["alpha", "golf", "nobody"]', 'alpha golf'],
    ['transport: [SSE, STDIO]', 'bravo charlie'],
    ['authType: [BEARER]', 'delta'],
    ['source: [FILE]', 'hotel'],
    ['source: [CATALOG]', 'india'],
    ['enabled: false', 'delta hotel india'],
    ['health: [DISABLED]', 'delta hotel india'],
    ['health: [CONNECTED]', ''],
    ['health: [UNKNOWN], transport: [SSE]', 'bravo'],
    ['isPublic: true', 'bravo india'],
    ['search: "alpha", enabled: true, slug: ["golf"]', 'golf'],
    ['slug: []', ''],
  ])('{%s} are %s', async (filter, expected) => {
    expect((await filtered(filter)).join(' ')).toBe(expected);
  });

  test('by team, and by the keys that hold a grant', async () => {
    expect(await filtered(`teamId: ["${teamId}"]`)).toEqual(['echo']);
    expect(await filtered(`grantedTo: ["${keyId}"]`)).toEqual(['alpha', 'echo']);
    expect(await filtered(`grantedTo: ["${newId('apiKey')}"]`)).toEqual([]);
  });

  test('are counted as they are listed', async () => {
    expect((await list('filter: {source: [MANUAL]}')).totalCount).toBe(7);
  });
});

describe('orders', () => {
  test('by the last use, those that were never used stand last in either direction', async () => {
    const never = ['bravo', 'charlie', 'echo', 'foxtrot', 'hotel', 'india'];
    expect(await slugs('orderBy: {field: LAST_USED_AT, direction: DESC}')).toEqual(['golf', 'alpha', 'delta', ...never.toReversed()]);
    expect(await slugs('orderBy: {field: LAST_USED_AT}')).toEqual(['delta', 'alpha', 'golf', ...never]);
  });

  describe.each(ORDERS)('%s', (field) => {
    test.each(DIRECTIONS)('%s: pages from the front and from the back are the whole list, in its order', async (direction) => {
      const order = `orderBy: {field: ${field}, direction: ${direction}}`;
      const whole = await slugs(order);
      expect(whole).toHaveLength(9);
      for (const size of [1, 2, 4]) {
        expect(await walked(order, size, false), `${size} forward`).toEqual(whole);
        expect(await walked(order, size, true), `${size} backward`).toEqual(whole);
      }
    });
  });

  test('a cursor of one order is refused in another, and so is one that goes the other way', async () => {
    const { pageInfo } = await list('first: 1, orderBy: {field: NAME}');
    const refused = async (args: string) => (await plane.ask(`{ servers(${args}) { nodes { id } } }`)).errors?.[0]?.extensions?.['code'];
    expect(await refused(`after: "${pageInfo.endCursor}", orderBy: {field: UPDATED_AT}`)).toBe('BAD_USER_INPUT');
    expect(await refused(`after: "${pageInfo.endCursor}", last: 1, orderBy: {field: NAME}`)).toBe('BAD_USER_INPUT');
    expect(await refused('last: 201')).toBe('BAD_USER_INPUT');
  });
});

async function walked(order: string, size: number, isBackward: boolean): Promise<string[]> {
  const seen: string[] = [];
  for (let cursor: string | null = null, more = true; more;) {
    const place: string = isBackward
      ? `last: ${size}${cursor === null ? '' : `, before: "${cursor}"`}`
      : `first: ${size}${cursor === null ? '' : `, after: "${cursor}"`}`;
    const { nodes, pageInfo } = await list(`${place}, ${order}`);
    const found = nodes.map(({ slug }) => slug);
    if (isBackward) seen.unshift(...found);
    else seen.push(...found);
    [cursor, more] = isBackward ? [pageInfo.startCursor, pageInfo.hasPreviousPage] : [pageInfo.endCursor, pageInfo.hasNextPage];
  }
  return seen;
}

test('a server’s grants are told page by page, and how many keys hold one', async () => {
  for (let index = 0; index < 3; index++) await plane.admin.createApiKey({ grantServerIds: [ids['bravo']] });
  const query = `query($after: String) { servers(filter: {slug: ["alpha", "bravo", "charlie"]}) { nodes { slug grantedKeyCount
    grants(first: 2, after: $after) { totalCount nodes { apiKey { name } } pageInfo { hasNextPage endCursor } } } } }`;
  const schema = z.object({
    nodes: z.array(
      z.object({
        slug: z.string(),
        grantedKeyCount: z.number(),
        grants: z.object({
          totalCount: z.number(),
          nodes: z.array(z.unknown()),
          pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullable() }),
        }),
      }),
    ),
  });
  const { nodes } = schema.parse((await plane.admin.query(query))['servers']);
  expect(
    nodes.map(({ slug, grantedKeyCount, grants }) => [slug, grantedKeyCount, grants.totalCount, grants.nodes.length, grants.pageInfo.hasNextPage]),
  ).toEqual([
    ['alpha', 1, 1, 1, false],
    ['bravo', 3, 3, 2, true],
    ['charlie', 0, 0, 0, false],
  ]);
  const rest = schema.parse((await plane.admin.query(query, { after: nodes[1]?.grants.pageInfo.endCursor }))['servers']).nodes;
  expect(rest[1]?.grants.nodes).toHaveLength(1);
});

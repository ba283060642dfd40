/** The catalogue: trusted entries and an organisation's own in one list, and servers made of them by the rules of all servers. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { TrustedCatalogue } from '../../../control-plane/catalog/trusted-catalogue.ts';
import { startTestControlPlane, userErrorsOf, type TestControlPlane } from '../../support/control-plane.ts';

const SECRET = 'canary-catalogue-token';
const ENTRY = {
  title: 'Weather',
  description: 'Tells the weather',
  publisher: 'Us',
  categories: ['data'],
  authTypes: ['BEARER'],
  reach: { remote: { url: 'http://{host}/mcp', header: { name: 'Authorization', value: 'Bearer {token}' } } },
  variables: [
    { name: 'host', description: 'Where it is', isRequired: true },
    { name: 'token', description: 'A token', isRequired: true, isSecret: true },
  ],
};
const pageSchema = z.object({
  nodes: z.array(z.looseObject({ id: z.string(), slug: z.string() })),
  totalCount: z.number().nullish(),
  pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullable() }).optional(),
});

let plane: TestControlPlane;

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());
beforeEach(() => plane.database.query('delete from mcp_servers; delete from catalog_entries'));

const create = async (input: Record<string, unknown> = {}) => {
  const { entry } = await plane.admin.mutate('createCatalogEntry', 'CreateCatalogEntryInput', { ...ENTRY, ...input }, 'entry { id slug revision }');
  return z.object({ id: z.string(), slug: z.string(), revision: z.number() }).parse(entry);
};
const createErrors = (input: Record<string, unknown>) => userErrorsOf(plane, 'createCatalogEntry', 'CreateCatalogEntryInput', { ...ENTRY, ...input });
const list = async (args: string) =>
  pageSchema.parse((await plane.admin.query(`{ catalog(${args}) { nodes { id slug } totalCount pageInfo { hasNextPage endCursor } } }`))['catalog']);
const install = async (input: Record<string, unknown>, selection: string) =>
  (await plane.admin.mutate('installCatalogEntry', 'InstallCatalogEntryInput', input, `server { ${selection} }`))['server'];
const installErrors = (input: Record<string, unknown>) => userErrorsOf(plane, 'installCatalogEntry', 'InstallCatalogEntryInput', input);

describe('the list', () => {
  test('pages through trusted and own entries in one order, each once', async () => {
    for (const slug of ['aaa', 'github-mirror', 'zzz']) await create({ title: slug, slug });
    const seen: string[] = [];
    for (let after: string | null = null, more = true; more;) {
      const page = await list(`first: 7${after === null ? '' : `, after: "${after}"`}`);
      seen.push(...page.nodes.map(({ slug }) => slug));
      [after, more] = [page.pageInfo?.endCursor ?? null, page.pageInfo?.hasNextPage === true];
    }
    const trusted = TrustedCatalogue.read().entries.map(({ slug }) => slug);
    expect(seen).toEqual([...trusted, 'aaa', 'github-mirror', 'zzz'].toSorted());
    expect((await list('first: 1')).totalCount).toBe(seen.length);
  });

  test('is searched and narrowed to categories, in both parts alike', async () => {
    await create({ title: 'Pay 100% there', slug: 'pay', categories: ['payments'] });
    expect((await list('search: "PAY", category: ["payments"]')).nodes.map(({ slug }) => slug)).toEqual(expect.arrayContaining(['pay', 'paypal']));
    expect((await list('search: "100%"')).nodes.map(({ slug }) => slug)).toEqual(['pay']);
    expect((await list('category: ["no-such"]')).totalCount).toBe(0);
  });

  test('a cursor of another list is refused', async () => {
    const answer = await plane.ask(`{ catalog(after: "${Buffer.from('nowhere').toString('base64url')}") { nodes { id } } }`);
    expect(answer.errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT' });
  });
});

describe('an organisation’s own entries', () => {
  test('are made, changed on the revision that was seen, and taken away, all of it audited', async () => {
    const { id, revision } = await create();
    const aim = { id, expectedVersion: revision };
    const changed = await plane.admin.mutate(
      'updateCatalogEntry',
      'UpdateCatalogEntryInput',
      { ...aim, title: 'Better weather' },
      'entry { title revision publisher }',
    );
    expect(changed['entry']).toEqual({ title: 'Better weather', revision: 2, publisher: 'Us' });
    expect(await userErrorsOf(plane, 'updateCatalogEntry', 'UpdateCatalogEntryInput', { ...aim, title: 'Late' })).toMatchObject([{ code: 'STALE_VERSION' }]);
    expect(await plane.admin.mutate('deleteCatalogEntry', 'IdInput', { id }, 'deletedId')).toMatchObject({ deletedId: id });
    expect(await plane.database.query('select action from audit_events where target_id = $1 order by position', [id])).toEqual(
      ['createCatalogEntry', 'updateCatalogEntry', 'deleteCatalogEntry'].map((action) => ({ action })),
    );
  });

  test('a dry run makes nothing', async () => {
    await create({ dryRun: true });
    expect(await plane.database.query('select id from catalog_entries')).toEqual([]);
  });

  test.each([
    [{ slug: 'github' }, 'TAKEN', 'slug'],
    [{ registryName: 'com.atlassian/atlassian-mcp-server' }, 'TAKEN', 'registryName'],
    [{ registryName: 'turnpike.trusted/github' }, 'TAKEN', 'registryName'],
    [{ variables: [] }, 'INVALID', 'variables'],
    [{ description: 'x'.repeat(101) }, 'TOO_LONG', 'description'],
    [{ iconUrl: 'http://example.com/icon.png' }, 'INVALID', 'iconUrl'],
  ])('%j is refused with %s at %s', async (input, code, field) => {
    expect((await createErrors(input)).find((error) => error.field?.[0] === field)).toMatchObject({ code });
  });

  test('a trusted entry is nobody’s to change', async () => {
    expect(await userErrorsOf(plane, 'updateCatalogEntry', 'UpdateCatalogEntryInput', { id: 'cat_github', title: 'x' })).toMatchObject([{ code: 'NOT_FOUND' }]);
    expect(await userErrorsOf(plane, 'deleteCatalogEntry', 'IdInput', { id: 'cat_github' })).toMatchObject([{ code: 'NOT_FOUND' }]);
  });
});

describe('an install', () => {
  test('fills the variables in where they stand, and seals what is secret', async () => {
    const { id } = await create();
    const variables = [
      { name: 'host', value: '127.0.0.1' },
      { name: 'token', value: SECRET },
    ];
    const selection = 'slug name source endpointUrl isPublic enabled oauthRequired auth { type secretFields { name set } } catalogEntry { id }';
    expect(await install({ entryId: id, variables }, selection)).toEqual({
      slug: 'weather',
      name: 'Weather',
      source: 'CATALOG',
      endpointUrl: 'http://127.0.0.1/mcp',
      isPublic: false,
      enabled: false,
      oauthRequired: false,
      auth: { type: 'BEARER', secretFields: [{ name: 'auth.token', set: true }] },
      catalogEntry: { id },
    });
    const rows = await plane.database.query('select row_to_json(s)::text from mcp_servers s union all select row_to_json(a)::text from audit_events a');
    expect(JSON.stringify(rows)).not.toContain(SECRET);
    expect(plane.log()).not.toContain(SECRET);
    expect(JSON.stringify(rows)).toContain('installCatalogEntry');
  });

  test.each([
    [[], 'REQUIRED', 'the variable host is needed'],
    [[{ name: 'host', value: 'x' }], 'REQUIRED', 'the variable token is needed'],
    [[{ name: 'other', value: 'x' }], 'UNKNOWN_FIELD', 'no variable other'],
    [
      [
        { name: 'host', value: 'a' },
        { name: 'host', value: 'b' },
      ],
      'INVALID',
      'host is given twice',
    ],
    [
      [
        { name: 'host', value: 'evil.example/x?' },
        { name: 'token', value: 'x' },
      ],
      'INVALID',
      'host is part of the URL',
    ],
    [
      [
        { name: 'host', value: 'a@b' },
        { name: 'token', value: 'x' },
      ],
      'INVALID',
      'host is part of the URL',
    ],
    [
      [
        { name: 'host', value: '..' },
        { name: 'token', value: 'x' },
      ],
      'INVALID',
      'and not dots alone',
    ],
  ])('with %j is refused with %s', async (variables, code, message) => {
    const { id } = await create();
    expect(await installErrors({ entryId: id, variables })).toMatchObject([{ code, message: expect.stringContaining(message) }]);
  });

  test('what signs in otherwise needs no token, and cannot have both', async () => {
    const { id } = await create();
    const auth = { basic: { username: 'me', password: SECRET } };
    const host = { name: 'host', value: '127.0.0.1' };
    expect(await installErrors({ entryId: id, auth, variables: [host, { name: 'token', value: 'x' }] })).toMatchObject([{ code: 'CONFLICT' }]);
    expect(await install({ entryId: id, auth, variables: [host] }, 'auth { type username }')).toEqual({ auth: { type: 'BASIC', username: 'me' } });
  });

  test('a server that takes OAuth 2 alone waits for it, switched off', async () => {
    expect(await install({ entryId: 'cat_notion' }, 'oauthRequired enabled isPublic auth { type }')).toEqual({
      oauthRequired: true,
      enabled: false,
      isPublic: true,
      auth: { type: 'NONE' },
    });
    expect(await installErrors({ entryId: 'cat_notion', slug: 'notion-2', enabled: true })).toMatchObject([{ code: 'AUTH_INCOMPLETE', field: ['enabled'] }]);
  });

  test('a server that has to be signed in to is not installed without', async () => {
    expect(await installErrors({ entryId: 'cat_elastic-agent-builder', variables: [{ name: 'kibana_host', value: 'kibana.example.com' }] })).toMatchObject([
      { code: 'REQUIRED', field: ['auth'] },
    ]);
  });

  test('an optional token is used when it is given', async () => {
    expect(await install({ entryId: 'cat_exa', enabled: true }, 'auth { type }')).toEqual({ auth: { type: 'NONE' } });
    const variables = [{ name: 'api_key', value: SECRET }];
    expect(await install({ entryId: 'cat_exa', slug: 'exa-2', variables }, 'auth { type header }')).toEqual({ auth: { type: 'API_KEY', header: 'x-api-key' } });
  });

  test('a slug that is taken is told, and another one may be given', async () => {
    await install({ entryId: 'cat_deepwiki' }, 'id');
    expect(await installErrors({ entryId: 'cat_deepwiki' })).toMatchObject([{ code: 'TAKEN', field: ['slug'] }]);
    await install({ entryId: 'cat_deepwiki', slug: 'wiki' }, 'id');
    const { catalog } = await plane.admin.query('{ catalog(search: "deepwiki") { nodes { installed { slug } } } }');
    expect(catalog).toEqual({ nodes: [{ installed: { slug: 'deepwiki' } }] });
  });

  test('a package that the operator has not listed is refused, and the hint says what to do', async () => {
    const [error] = await installErrors({ entryId: 'cat_memory' });
    expect(error).toMatchObject({ code: 'STDIO_NOT_ALLOWED', field: ['entryId'] });
    expect(error?.hint).toContain('npmPackage');
  });

  test('a dry run answers the server and makes none', async () => {
    expect(await install({ entryId: 'cat_github', dryRun: true }, 'slug')).toEqual({ slug: 'github' });
    expect(await plane.database.query('select id from mcp_servers')).toEqual([]);
  });

  test('its entry may go, and the server stays', async () => {
    const { id } = await create({ authTypes: ['NONE'], reach: { remote: { url: 'http://127.0.0.1:9/mcp' } }, variables: [] });
    await install({ entryId: id }, 'id');
    await plane.admin.mutate('deleteCatalogEntry', 'IdInput', { id }, 'deletedId');
    const { server } = await plane.admin.query('{ server(slug: "weather") { source catalogEntry { id } } }');
    expect(server).toEqual({ source: 'CATALOG', catalogEntry: null });
  });
});

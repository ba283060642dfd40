/** The catalogue in the form of the MCP registry: trusted entries for everybody, an organisation's own for its people and programs. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { TrustedCatalogue } from '../../../control-plane/catalog/trusted-catalogue.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';

const TRUSTED = TrustedCatalogue.read().entries.length;
const serverSchema = z.strictObject({
  server: z.looseObject({ $schema: z.url(), name: z.string(), description: z.string(), version: z.string() }),
  _meta: z.strictObject({
    'io.modelcontextprotocol.registry/official': z.strictObject({
      status: z.literal('active'),
      statusChangedAt: z.iso.datetime(),
      publishedAt: z.iso.datetime(),
      updatedAt: z.iso.datetime(),
      isLatest: z.literal(true),
    }),
  }),
});
const listSchema = z.strictObject({ servers: z.array(serverSchema), metadata: z.strictObject({ nextCursor: z.string().optional(), count: z.number() }) });

let plane: TestControlPlane;
let foreignToken: string;

beforeAll(async () => {
  plane = await startTestControlPlane();
  foreignToken = (await plane.newOrganisation('other')).token;
  const entry = {
    title: 'Ours',
    description: 'Ours alone',
    publisher: 'Us',
    categories: ['data'],
    authTypes: ['NONE'],
    reach: { remote: { url: 'http://127.0.0.1:9/mcp' } },
  };
  await plane.admin.mutate('createCatalogEntry', 'CreateCatalogEntryInput', entry, 'entry { id }');
});
afterAll(() => plane?.close());

async function get(path: string, token?: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${plane.url}/v0.1/servers${path}`, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });
  return { status: response.status, body: await response.json() };
}
const listed = async (query: string, token?: string) => listSchema.parse((await get(query, token)).body);
const namesOf = ({ servers }: z.infer<typeof listSchema>) => servers.map(({ server }) => server.name);

test('everybody is told the trusted entries, page by page', async () => {
  const names: string[] = [];
  for (let query: string | undefined = '?limit=10'; query !== undefined;) {
    const page: z.infer<typeof listSchema> = await listed(query);
    expect(page.metadata.count).toBe(page.servers.length);
    names.push(...namesOf(page));
    query = page.metadata.nextCursor === undefined ? undefined : `?limit=10&cursor=${page.metadata.nextCursor}`;
  }
  expect(new Set(names).size).toBe(TRUSTED);
  expect(names).not.toContain('turnpike.private/ours');
});

test('an organisation’s own are told to whoever asks in its name, and to nobody else', async () => {
  expect(namesOf(await listed('?search=ours&limit=100', plane.token))).toContain('turnpike.private/ours');
  for (const token of [undefined, foreignToken]) {
    expect(namesOf(await listed('?search=ours&limit=100', token))).not.toContain('turnpike.private/ours');
    expect(await get('/turnpike.private%2Fours/versions/latest', token)).toEqual({ status: 404, body: { error: 'Server not found' } });
  }
  expect((await get('/turnpike.private%2Fours/versions/latest', plane.token)).status).toBe(200);
});

test('a token that is not good is refused, and not taken for nobody’s', async () => {
  expect(await get('', 'nonsense')).toMatchObject({ status: 401, body: { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] } });
});

test('one server has one version, by its number and as the latest', async () => {
  const name = encodeURIComponent('io.github.modelcontextprotocol/server-everything');
  const latest = serverSchema.parse((await get(`/${name}/versions/latest`)).body);
  expect(latest.server).toMatchObject({
    $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
    packages: [{ registryType: 'npm', identifier: '@modelcontextprotocol/server-everything', version: latest.server.version, transport: { type: 'stdio' } }],
  });
  expect((await get(`/${name}/versions/${latest.server.version}`)).body).toEqual(latest);
  expect(await get(`/${name}/versions`)).toEqual({ status: 200, body: { servers: [latest], metadata: { count: 1 } } });
  for (const unknown of [`/${name}/versions/0.0.0`, '/nobody%2Fnothing/versions', '/%zz/versions/latest'])
    expect((await get(unknown)).status, unknown).toBe(404);
});

test('a remote with a secret says so, and what has to be filled in', async () => {
  const { body } = await get(`/${encodeURIComponent('turnpike.trusted/github')}/versions/latest`);
  expect(serverSchema.parse(body).server['remotes']).toEqual([
    {
      type: 'streamable-http',
      url: 'https://api.githubcopilot.com/mcp/',
      headers: [
        {
          name: 'Authorization',
          value: 'Bearer {token}',
          isRequired: false,
          isSecret: true,
          variables: { token: { description: 'A personal access token', isRequired: false, isSecret: true } },
        },
      ],
    },
  ]);
});

test('what changed since is told apart, and versions are', async () => {
  expect((await listed('?updated_since=2999-01-01T00:00:00Z')).servers).toEqual([]);
  expect((await listed('?version=latest&limit=100')).servers).toHaveLength(TRUSTED);
  expect((await listed('?version=0.0.83')).servers.map(({ server }) => server['title'])).toEqual(['Playwright']);
});

test.each(['?limit=0', '?limit=101', '?limit=x', '?cursor=!!', '?updated_since=yesterday', `?cursor=${Buffer.from('nowhere').toString('base64url')}`])(
  '%s is refused',
  async (query) => {
    expect((await get(query, plane.token)).status).toBe(400);
  },
);

test('nothing is written through it', async () => {
  expect((await fetch(`${plane.url}/v0.1/servers`, { method: 'POST', body: '{}' })).status).toBe(404);
});

/** A file of servers becomes servers, each made or refused by itself, and its secrets are sealed on the way. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { ALLOWED_STDIO, startTestControlPlane, userErrorsOf, type TestControlPlane } from '../../support/control-plane.ts';

const TOKEN = 'canary-imported-token';
const outcomeSchema = z.array(
  z.object({
    name: z.string(),
    server: z.looseObject({ slug: z.string() }).nullable(),
    userErrors: z.array(z.object({ code: z.string(), message: z.string() })),
  }),
);

let plane: TestControlPlane;

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());
beforeEach(() => plane.database.query('delete from mcp_servers'));

const run = async (document: unknown, input: Record<string, unknown> = {}) => {
  const selection = `servers { name server { slug name description transport endpointUrl enabled stdioCommand stdioEnvKeys auth { type header username secretFields { name set } } }
    userErrors { code message } }`;
  return outcomeSchema.parse((await plane.admin.mutate('importServers', 'ImportServersInput', { document, ...input }, selection))['servers']);
};
const count = async () => (await plane.database.query('select id from mcp_servers')).length;

test('the form of Claude and Cursor: what can be made is made and switched off, and every other says why not', async () => {
  const outcomes = await run({
    mcpServers: {
      'Remote tools': { type: 'http', url: 'https://tools.example/mcp', headers: { Authorization: `Bearer ${TOKEN}` } },
      old: { type: 'sse', url: 'https://old.example/sse' },
      keyed: { url: 'https://keyed.example/mcp', headers: { 'X-API-Key': TOKEN } },
      named: { url: 'https://named.example/mcp', headers: { Authorization: `Basic ${Buffer.from(`me:${TOKEN}`).toString('base64')}` } },
      program: { command: ALLOWED_STDIO.stdioCommand, args: ALLOWED_STDIO.stdioArgs, env: { API_TOKEN: TOKEN } },
      npx: { command: 'npx', args: ['-y', 'some-server'] },
      open: { url: 'https://open.example/mcp', headers: { Authorization: 'Bearer ${TOKEN}' } },
      two: { url: 'https://two.example/mcp', headers: { 'X-One': 'a', 'X-Two': 'b' } },
      neither: {},
      wrong: { command: 7 },
    },
  });
  expect(outcomes.map(({ name, server, userErrors }) => [name, server?.slug ?? userErrors.map(({ code }) => code)])).toEqual([
    ['Remote tools', 'remote-tools'],
    ['old', 'old'],
    ['keyed', 'keyed'],
    ['named', 'named'],
    ['program', 'program'],
    ['npx', ['STDIO_NOT_ALLOWED']],
    ['open', ['REQUIRED']],
    ['two', ['INVALID']],
    ['neither', ['INVALID']],
    ['wrong', ['INVALID']],
  ]);
  expect(outcomes.map(({ server }) => server).filter((server) => server !== null)).toMatchObject([
    { transport: 'STREAMABLE_HTTP', enabled: false, auth: { type: 'BEARER', secretFields: [{ name: 'auth.token', set: true }] } },
    { transport: 'SSE', auth: { type: 'NONE' } },
    { transport: 'STREAMABLE_HTTP', auth: { type: 'API_KEY', header: 'X-API-Key' } },
    { transport: 'STREAMABLE_HTTP', auth: { type: 'BASIC', username: 'me' } },
    { transport: 'STDIO', stdioCommand: ALLOWED_STDIO.stdioCommand, stdioEnvKeys: ['API_TOKEN'] },
  ]);
  expect(JSON.stringify(outcomes)).not.toContain(TOKEN);
  const rows = await plane.database.query('select row_to_json(s)::text from mcp_servers s union all select row_to_json(a)::text from audit_events a');
  expect(JSON.stringify(rows)).not.toContain(TOKEN);
  expect(plane.log()).not.toContain(TOKEN);
});

test('the form of VS Code', async () => {
  const servers = { docs: { type: 'http', url: 'https://docs.example/mcp' }, asks: { type: 'stdio', command: '/bin/cat', args: ['${input:flag}'] } };
  const outcomes = await run({ inputs: [{ id: 'flag', type: 'promptString' }], servers });
  expect(outcomes).toMatchObject([
    { name: 'docs', server: { slug: 'docs', endpointUrl: 'https://docs.example/mcp' } },
    { name: 'asks', server: null, userErrors: [{ code: 'REQUIRED' }] },
  ]);
});

test('server.json of the registry: its remote is taken, and a package is not run', async () => {
  const registered = { name: 'io.example/weather', description: 'Tells the weather', version: '1.0.0' };
  const remotes = [{ type: 'streamable-http', url: 'https://weather.example/mcp' }];
  expect(await run({ ...registered, remotes })).toMatchObject([
    { name: 'weather', server: { slug: 'weather', description: 'Tells the weather', transport: 'STREAMABLE_HTTP' } },
  ]);
  const packages = [{ registryType: 'npm', identifier: '@example/weather', transport: { type: 'stdio' } }];
  expect(await run({ ...registered, packages })).toMatchObject([{ server: null, userErrors: [{ code: 'STDIO_NOT_ALLOWED' }] }]);
  const headers = [{ name: 'X-Key', isRequired: true, isSecret: true }];
  expect(await run({ ...registered, remotes: remotes.map((remote) => ({ ...remote, headers })) })).toMatchObject([{ userErrors: [{ code: 'REQUIRED' }] }]);
});

test('a dry run answers what would be, and makes nothing', async () => {
  const document = { mcpServers: { 'A b': { url: 'https://a.example/mcp' }, 'a-b': { url: 'https://b.example/mcp' } } };
  const dry = await run(document, { dryRun: true });
  expect(dry.map(({ server, userErrors }) => server?.slug ?? userErrors[0]?.code)).toEqual(['a-b', 'TAKEN']);
  expect(await count()).toBe(0);
  const real = await run(document);
  expect(real.map(({ server, userErrors }) => server?.slug ?? userErrors[0]?.code)).toEqual(['a-b', 'TAKEN']);
  expect(await count()).toBe(1);
});

test.each([[{}], [{ mcpServers: {} }], ['text'], [[]]])('%j is no file of servers', async (document) => {
  expect(await userErrorsOf(plane, 'importServers', 'ImportServersInput', { document })).toMatchObject([{ code: 'INVALID' }]);
});

test('more servers than are imported at once are refused together', async () => {
  const mcpServers = Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`s${index}`, { url: 'https://a.example/mcp' }]));
  expect(await userErrorsOf(plane, 'importServers', 'ImportServersInput', { document: { mcpServers } })).toMatchObject([{ code: 'TOO_LONG' }]);
});

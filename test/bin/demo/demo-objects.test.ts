/** The demo's servers and key are made once through the public API, put right when they moved, and otherwise left as the operator wants them. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { AdminApi } from '../../../bin/demo/admin-api.ts';
import { ensureDemo } from '../../../bin/demo/demo-objects.ts';
import { mintToken, readToken } from '../../../shared/token.ts';
import { answerHttp } from '../../support/http-answers.ts';

const PROGRAM = { command: '/bin/node', args: ['/server.js', 'stdio'] };
const ENDPOINT = 'http://127.0.0.1:9000/mcp';
const FRESH = mintToken('apiKey').token;
const SAVED = mintToken('apiKey').token;
const STDIO = { id: 'srv_1', transport: 'STDIO', endpointUrl: null, stdioCommand: PROGRAM.command, stdioArgs: PROGRAM.args };
const HTTP = { id: 'srv_2', transport: 'STREAMABLE_HTTP', endpointUrl: ENDPOINT, stdioCommand: null, stdioArgs: [] };

interface World {
  readonly servers?: Readonly<Record<string, unknown>>;
  readonly keys?: readonly { readonly prefix: string; readonly status: string }[];
  readonly errors?: readonly unknown[];
}

const questionSchema = z.object({ query: z.string(), variables: z.record(z.string(), z.unknown()) });

/** A control plane that knows these objects; answers a client of it, and every mutation that it was asked for. */
async function controlPlane({ servers = {}, keys = [], errors }: World): Promise<{ api: AdminApi; changes: unknown[] }> {
  const changes: unknown[] = [];
  const answerTo = ({ query, variables }: z.infer<typeof questionSchema>): unknown => {
    if (query.startsWith('mutation')) changes.push([/\{ (\w+)/.exec(query)?.[1], variables['input']]);
    if (query.includes('createServer')) return { createServer: { server: { id: `srv_new${changes.length}` }, userErrors: [] } };
    if (query.includes('updateServer')) return { updateServer: { server: { id: 'srv_1' }, userErrors: [] } };
    if (query.includes('createApiKey')) return { createApiKey: { secret: FRESH, userErrors: [] } };
    if (query.includes('apiKeys')) return { apiKeys: { nodes: keys } };
    return { server: servers[String(variables['slug'])] ?? null };
  };
  const origin = await answerHttp(({ body }) => ({
    body: errors === undefined ? { data: answerTo(questionSchema.parse(JSON.parse(body))) } : { errors },
  }));
  return { api: new AdminApi(`${origin}/graphql`, { text: 'tpa_x', place: '/data/admin-token' }), changes };
}

function active(key: string): { prefix: string; status: string } {
  const reading = readToken(key);
  return { prefix: reading.kind === 'malformed' ? '' : reading.prefix, status: 'ACTIVE' };
}

test('in an empty control plane both servers, a key and its grants are made, and the dangerous tool is blocked', async () => {
  const { api, changes } = await controlPlane({});
  expect(await ensureDemo(api, { program: PROGRAM, endpointUrl: ENDPOINT, savedKey: undefined })).toBe(FRESH);
  expect(changes).toEqual([
    ['createServer', expect.objectContaining({ slug: 'demo', transport: 'STDIO', stdioCommand: '/bin/node', blockedTools: ['get-env'], enabled: true })],
    ['createServer', expect.objectContaining({ slug: 'demo-http', transport: 'STREAMABLE_HTTP', endpointUrl: ENDPOINT, blockedTools: ['get-env'] })],
    ['createApiKey', { name: 'demo', type: 'ORGANISATION', grantServerIds: ['srv_new1', 'srv_new2'] }],
  ]);
});

test('where nothing has moved and the saved key works, nothing is changed', async () => {
  const { api, changes } = await controlPlane({ servers: { demo: STDIO, 'demo-http': HTTP }, keys: [active(FRESH), active(SAVED)] });
  expect(await ensureDemo(api, { program: PROGRAM, endpointUrl: ENDPOINT, savedKey: SAVED })).toBe(SAVED);
  expect(changes).toEqual([]);
});

test('what has moved is put right, and nothing else about it', async () => {
  const { api, changes } = await controlPlane({
    servers: { demo: { ...STDIO, stdioArgs: ['/old.js', 'stdio'] }, 'demo-http': { ...HTTP, endpointUrl: 'http://127.0.0.1:1/mcp' } },
    keys: [active(SAVED)],
  });
  await ensureDemo(api, { program: PROGRAM, endpointUrl: ENDPOINT, savedKey: SAVED });
  expect(changes).toEqual([
    ['updateServer', { id: 'srv_1', stdioCommand: PROGRAM.command, stdioArgs: PROGRAM.args }],
    ['updateServer', { id: 'srv_2', endpointUrl: ENDPOINT }],
  ]);
});

test('a demo that the operator has pointed somewhere else stays there', async () => {
  const elsewhere = { ...HTTP, id: 'srv_1', endpointUrl: 'https://example.com/mcp' };
  const { api, changes } = await controlPlane({ servers: { demo: elsewhere, 'demo-http': HTTP }, keys: [active(SAVED)] });
  await ensureDemo(api, { program: PROGRAM, endpointUrl: ENDPOINT, savedKey: SAVED });
  expect(changes).toEqual([]);
});

test('where the program is not allowed the demo goes over HTTP', async () => {
  const { api, changes } = await controlPlane({});
  await ensureDemo(api, { program: undefined, endpointUrl: ENDPOINT, savedKey: undefined });
  expect(changes[0]).toEqual(['createServer', expect.objectContaining({ slug: 'demo', transport: 'STREAMABLE_HTTP', endpointUrl: ENDPOINT })]);
});

test.each([
  ['was revoked', [{ ...active(SAVED), status: 'REVOKED' }]],
  ['is not known', [active(FRESH)]],
])('a saved key that %s is replaced', async (_fault, keys) => {
  const { api, changes } = await controlPlane({ servers: { demo: STDIO, 'demo-http': HTTP }, keys });
  expect(await ensureDemo(api, { program: PROGRAM, endpointUrl: ENDPOINT, savedKey: SAVED })).toBe(FRESH);
  expect(changes).toEqual([['createApiKey', expect.objectContaining({ grantServerIds: ['srv_1', 'srv_2'] })]]);
});

test.each([
  [
    { message: 'not signed in: the token is not known', extensions: { code: 'UNAUTHENTICATED' } },
    /token in \/data\/admin-token is refused \(not signed in: .*\): restore/,
  ],
  [{ message: 'out of order' }, /^the control plane refused the demo: out of order$/],
])('what the control plane refuses is one sentence: %o', async (error, sentence) => {
  const { api } = await controlPlane({ errors: [error] });
  await expect(ensureDemo(api, { program: PROGRAM, endpointUrl: ENDPOINT, savedKey: SAVED })).rejects.toThrow(sentence);
});

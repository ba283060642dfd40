/** Canaries: a secret that went in must be nowhere to be read, but where it is sealed. */
import type { ServerResponse } from 'node:http';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { mintToken } from '../../shared/token.ts';
import { Browser } from '../support/browser.ts';
import { Canaries } from '../support/canaries.ts';
import { filesBelow } from '../support/files-below.ts';
import { GatewayClient, toolCall } from '../support/gateway-client.ts';
import { startTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { subscribeTo } from '../support/subscription.ts';
import { startToolUpstream, type ToolUpstream } from '../support/tool-upstream.ts';

/** Files that are there to hold a secret, for their owner alone. */
const KEPT_FILES = ['admin-token', 'setup-link'];
const tokenSchema = z.object({ token: z.string() });

const canaries = new Canaries();
/** Everything that anybody was answered, but for what is shown once. */
const answers: string[] = [];
let database: TestDatabase;
let redis: TestRedis;
let stack: Stack;
let upstream: ToolUpstream;
let directory: string;
let adminToken: string;

beforeAll(async () => {
  [database, redis, upstream] = await Promise.all([
    startTestPostgres(),
    startTestRedis(),
    startToolUpstream([{ name: 'echo', inputSchema: { type: 'object' } }]),
  ]);
  upstream.intercept = (path, response, headers) => path.startsWith('/leaks') && leak(path, response, JSON.stringify(headers));
  directory = await mkdtemp(join(tmpdir(), 'turnpike-secrets-'));
  const allowlist = join(directory, 'allowlist.json');
  await writeFile(allowlist, JSON.stringify({ entries: [{ command: '/bin/cat', args: ['-u'], env: ['API_TOKEN'] }] }));
  const databaseUrl = database.url.replace('//postgres@', `//postgres:${canaries.make('password of the database')}@`);
  const environment = {
    TURNPIKE_LOG_LEVEL: 'trace',
    TURNPIKE_STDIO_ALLOWLIST: allowlist,
    OIDC_ISSUER: 'http://127.0.0.1:9',
    OIDC_CLIENT_ID: 'turnpike',
    OIDC_CLIENT_SECRET: canaries.make('secret of the client at the provider'),
    OIDC_REDIRECT_URL: 'http://127.0.0.1:9/v1/sso/callback',
  };
  stack = await startStack({ databaseUrl, redisUrl: redis.url, environment });
  canaries.note('secret key', stack.environment['TURNPIKE_SECRET_KEY'] ?? '');
  canaries.note('token of the data plane', stack.environment['DATA_PLANE_TOKEN'] ?? '');
  adminToken = canaries.note('first admin token', (await readFile(join(stack.directory, 'admin-token'), 'utf8')).trim());
}, 120_000);

afterAll(async () => {
  await stack?.close();
  await Promise.all([upstream?.close(), redis?.stop(), database?.stop(), rm(directory, { recursive: true, force: true })]);
});

/** What an upstream answers that tells everybody what it was sent: as a failure, as an error of JSON-RPC, or as words of its own. */
function leak(path: string, response: ServerResponse, headers: string): boolean {
  if (path === '/leaks/failure') response.writeHead(500, { 'content-type': 'text/plain' }).end(headers);
  else response.writeHead(401, { 'content-type': 'text/html', 'www-authenticate': 'Bearer realm="x"' }).end(`<p>${headers}</p>`);
  return true;
}

test('secrets of upstreams', async () => {
  const auths = {
    bearer: { bearer: { token: canaries.make('bearer token of an upstream') } },
    basic: { basic: { username: 'user', password: canaries.make('password of an upstream') } },
    header: { apiKey: { header: 'x-upstream-key', value: canaries.make('header of an upstream') } },
  };
  const gateway = new GatewayClient(stack.gatewayUrl);
  for (const [slug, auth] of Object.entries(auths)) {
    for (const place of ['mcp', 'leaks/failure', 'leaks/page']) {
      const name = `${slug}-${place.replaceAll('/', '-')}`;
      const server = await stack.admin.createServer({ name, slug: name, transport: 'STREAMABLE_HTTP', endpointUrl: `${upstream.origin}/${place}`, auth });
      const key = await stack.admin.createApiKey();
      canaries.note(`key for ${name}`, key.secret);
      await stack.admin.grant(key.id, server.id);
      await stack.settled();
      const calls = [toolCall('echo', { text: 'hello' }), toolCall('none'), '{"broken'];
      for (const body of calls) answers.push((await gateway.send(name, { key: key.secret, body })).text);
      answers.push(
        await told('mutation($input: IdInput!) { discoverTools(input: $input) { server { toolDiscoveryError } userErrors { message } } }', { id: server.id }),
      );
      answers.push(
        await told('mutation($input: ProbeServerInput!) { probeServer(input: $input) { probe { warnings steps { detail } } userErrors { message } } }', {
          serverId: server.id,
        }),
      );
    }
  }
  expect(upstream.asked.filter((path) => path.startsWith('/leaks')).length).toBeGreaterThan(6);
  const token = canaries.make('token of a probe');
  const probe = { endpointUrl: `${upstream.origin}/leaks/failure`, auth: { bearer: { token } } };
  answers.push(
    await told('mutation($input: ProbeServerInput!) { probeServer(input: $input) { probe { warnings steps { detail } } userErrors { message } } }', probe),
  );
  const wrong = { id: 'srv_x', auth: { bearer: { tokn: canaries.make('token in a field that is misspelt') } } };
  answers.push(await told('mutation($input: SetServerAuthInput!) { setServerAuth(input: $input) { userErrors { message } } }', wrong));
});

test('secrets of programs, of files and of addresses', async () => {
  const stdio = { name: 'program', slug: 'program', transport: 'STDIO', stdioCommand: '/bin/cat', stdioArgs: ['-u'] };
  const { id } = await stack.admin.createServer({ ...stdio, stdioEnv: [{ name: 'API_TOKEN', value: canaries.make('variable of a program') }] });
  const changed = { id, stdioEnvSet: [{ name: 'API_TOKEN', value: canaries.make('changed variable of a program') }] };
  answers.push(await told('mutation($input: UpdateServerInput!) { updateServer(input: $input) { server { id } userErrors { message } } }', changed));
  answers.push(await told('mutation($input: IdInput!) { discoverTools(input: $input) { server { id } userErrors { message } } }', { id }));
  const imported = { mcpServers: { file: { url: upstream.url, headers: { Authorization: `Bearer ${canaries.make('token in a file')}` } } } };
  answers.push(
    await told('mutation($input: ImportServersInput!) { importServers(input: $input) { servers { name userErrors { message } } userErrors { message } } }', {
      document: imported,
    }),
  );
  const withPassword = { name: 'x', transport: 'STREAMABLE_HTTP', endpointUrl: `http://user:${canaries.make('password in an address')}@127.0.0.1:9/` };
  answers.push(await told('mutation($input: CreateServerInput!) { createServer(input: $input) { server { id } userErrors { message } } }', withPassword));
});

test('keys and tokens', async () => {
  const gateway = new GatewayClient(stack.gatewayUrl);
  const { id, secret } = await stack.admin.createApiKey();
  canaries.note('key that was replaced', secret);
  const rotated = await stack.admin.mutate('rotateApiKey', 'RotateApiKeyInput', { id }, 'secret');
  canaries.note('key in its place', z.object({ secret: z.string() }).parse(rotated).secret);
  const revoked = await stack.admin.createApiKey();
  await stack.admin.mutate('revokeApiKey', 'IdInput', { id: revoked.id }, 'apiKey { id }');
  await stack.settled();
  const keys = [
    secret,
    canaries.note('revoked key', revoked.secret),
    canaries.note('key of nobody', mintToken('apiKey').token),
    canaries.make('no key at all'),
  ];
  for (const key of keys) answers.push((await gateway.send('bearer-mcp', { key })).text);
  const { secret: given } = await stack.admin.mutate('createAdminToken', 'CreateAdminTokenInput', { name: 't', permissions: [] }, 'secret');
  const tokens = [
    canaries.note('admin token', z.string().parse(given)),
    canaries.note('admin token of nobody', mintToken('adminToken').token),
    canaries.make('no token at all'),
  ];
  for (const token of tokens) answers.push(await told('{ servers { nodes { id } } }', {}, token));
});

test('secrets of people', async () => {
  const page = new Browser(stack.graphqlUrl);
  const link = (await readFile(join(stack.directory, 'setup-link'), 'utf8')).trim();
  const [email, password] = ['ada@example.com', canaries.make('password of a person')];
  const setUp = { token: canaries.note('setup link', link.slice(link.indexOf('#') + 1)), email, name: 'Ada', password };
  answers.push(JSON.stringify(await page.mutate('setUp', 'SetUpInput', setUp, 'user { id }')));
  noteCookie('session', page);
  answers.push(JSON.stringify(await page.signIn(email, canaries.make('wrong password'))));
  const newPassword = canaries.make('changed password');
  answers.push(JSON.stringify(await page.mutate('changePassword', 'ChangePasswordInput', { currentPassword: password, newPassword }, 'endedSessionIds')));
  await page.signIn(email, newPassword);
  noteCookie('second session', page);
  for (const name of ['accepted', 'pending']) {
    const invitation = await stack.admin.mutate('inviteMember', 'InviteMemberInput', { email: `${name}@example.com`, roleId: 'USER' }, 'token');
    const { token } = tokenSchema.parse(invitation);
    canaries.note(`${name} invitation`, token);
    const invited = { token, name, password: canaries.make(`password of the ${name}`) };
    if (name === 'accepted')
      answers.push(JSON.stringify(await new Browser(stack.graphqlUrl).mutate('acceptInvitation', 'AcceptInvitationInput', invited, 'user { id }')));
  }
  const callback = `/v1/sso/callback?code=${canaries.make('code of the provider')}&state=${canaries.make('state of a sign-in')}`;
  answers.push(await (await fetch(stack.graphqlUrl.replace('/graphql', callback))).text());
});

test('are in no log, answer, row, Redis value or file', async () => {
  const base = stack.graphqlUrl.replace('/graphql', '');
  const headers = { authorization: `Bearer ${adminToken}` };
  for (const path of ['/v1/export/usage?format=jsonl', '/v1/export/usage?format=csv', '/v1/export/audit?format=jsonl', '/metrics'])
    answers.push(await (await fetch(`${base}${path}`, { headers })).text());
  answers.push(
    await told(
      '{ servers { nodes { id name endpointUrl stdioEnvKeys metadata auth { username header secretFields { name fingerprint } } } } usageRecords(filter: {range: {}}) { nodes { requestId apiKeyPrefix denial { message } } } }',
      {},
    ),
  );
  const live = subscribeTo(stack.graphqlUrl, {
    query: 'subscription { auditEventAdded(after: "0") { action before after } }',
    variables: {},
    token: adminToken,
  });
  for (let event = 0; event < 20; event++) answers.push(JSON.stringify(await live.next()));
  await live.close();
  const places: Record<string, string> = {
    answers: answers.join('\n'),
    'control plane log': stack.control().output(),
    'data plane log': stack.data().output(),
    database: await dumpOf(database),
    redis: await redis.dump(),
    'files of redis': redis.onDisk(),
    files: filesBelow(stack.directory, KEPT_FILES),
  };
  expect(canaries.size).toBeGreaterThanOrEqual(30);
  for (const [place, text] of Object.entries(places)) {
    expect(text.length, place).toBeGreaterThan(0);
    expect(canaries.in(text), place).toEqual([]);
  }
});

test('sealed values that change places do not open', async () => {
  const [first, second] = await database.query(`select id, auth from mcp_servers where auth->>'type' = 'BEARER' order by id limit 2`);
  expect(second?.['auth']).not.toEqual(first?.['auth']);
  for (const [to, from] of [
    [first, second],
    [second, first],
  ])
    await database.query('update mcp_servers set auth = $2 where id = $1', [to?.['id'], from?.['auth']]);
  const probe = 'mutation($input: ProbeServerInput!) { probeServer(input: $input) { probe { reachable } userErrors { code } } }';
  const before = upstream.asked.length;
  expect(await told(probe, { serverId: first?.['id'] })).not.toContain('"reachable":true');
  expect(upstream.asked.length).toBe(before);
});

function noteCookie(name: string, { cookie = '' }: Browser): void {
  canaries.note(name, cookie.slice(cookie.indexOf('=') + 1));
}

/** The whole answer to an operation, as text. */
async function told(query: string, input: object, token = adminToken): Promise<string> {
  const response = await fetch(stack.graphqlUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables: { input } }),
  });
  return response.text();
}

/** Every column of every table. */
async function dumpOf({ query }: TestDatabase): Promise<string> {
  const tables = await query("select table_name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'");
  const rows = await Promise.all(tables.map(({ table_name: name }) => query(`select row_to_json(t)::text as row from "${String(name)}" t`)));
  return rows
    .flat()
    .map(({ row }) => String(row))
    .join('\n');
}

/** A probe finds out how a server is reached, tells every step, keeps nothing, and goes nowhere that a call might not go. */
import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { readStdioAllowlist } from '../../../shared/stdio-allowlist.ts';
import { startConformanceFixture, STDIO_ENTRY, type ConformanceFixture } from '../../support/conformance/fixture.ts';
import { prepareFixtureLaunch, type FixtureLaunch } from '../../support/conformance/launch.ts';
import { startTestControlPlane, userErrorsOf, type TestControlPlane } from '../../support/control-plane.ts';
import { startEverything } from '../../support/everything.ts';
import { pidsBelow } from '../../support/process-tree.ts';
import { startToolUpstream, type ToolUpstream } from '../../support/tool-upstream.ts';

const TOKEN = 'canary-probed-token';
const SELECTION = `probe { reachable transport protocolVersion serverInfo auth oauthMetadata warnings
  tools { name description risk flags } steps { name ok detail durationMs } }`;
const probeSchema = z.looseObject({
  reachable: z.boolean(),
  tools: z.array(z.looseObject({ name: z.string() })),
  steps: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string(), durationMs: z.number() })),
});

let plane: TestControlPlane;
let fixture: ConformanceFixture;
let launch: FixtureLaunch;
let directory: string;
let upstream: ToolUpstream;

beforeAll(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), 'turnpike-probe-')));
  launch = await prepareFixtureLaunch(directory);
  const allowlistPath = launch.environment.TURNPIKE_STDIO_ALLOWLIST;
  const { entries } = readStdioAllowlist(await readFile(allowlistPath, 'utf8'), allowlistPath);
  await writeFile(allowlistPath, JSON.stringify({ entries: [...entries, { command: '/bin/false', args: [], env: [] }] }));
  plane = await startTestControlPlane(allowlistPath);
  fixture = await startConformanceFixture();
});
afterAll(async () => {
  await fixture?.close();
  await plane?.close();
  await rm(directory, { recursive: true, force: true });
});
beforeEach(async () => {
  upstream = await startToolUpstream([{ name: 'delete_all', description: `knows ${TOKEN}`, annotations: { readOnlyHint: true } }]);
  return () => upstream.close();
});

const probe = async (input: Record<string, unknown>) =>
  probeSchema.parse((await plane.admin.mutate('probeServer', 'ProbeServerInput', input, SELECTION))['probe']);
const stepsOf = ({ steps }: z.infer<typeof probeSchema>): string[] => steps.map(({ name, ok }) => `${name} ${ok ? 'ok' : 'failed'}`);
const errorsOf = (input: Record<string, unknown>, token?: string) => userErrorsOf(plane, 'probeServer', 'ProbeServerInput', input, token);

describe('finds', () => {
  test('the official everything server over Streamable HTTP', async () => {
    const server = await startEverything();
    const found = await probe({ endpointUrl: server.url });
    await server.stop();
    expect(found).toMatchObject({ reachable: true, transport: 'STREAMABLE_HTTP', auth: 'NONE', protocolVersion: '2025-11-25' });
    expect(found.tools.map(({ name }) => name)).toContain('echo');
    expect(stepsOf(found)).toEqual(['streamable-http ok', 'tools ok', 'end ok']);
  });

  test('a server that speaks HTTP+SSE', async () => {
    const found = await probe({ endpointUrl: fixture.sseUrl });
    expect(found).toMatchObject({ reachable: true, transport: 'SSE' });
    expect(found.tools.length).toBeGreaterThan(0);
    expect(stepsOf(found)).toEqual(['streamable-http failed', 'streamable-http-without-session failed', 'sse ok', 'tools ok', 'end ok']);
  });

  test('a server that knows only 2026-07-28', async () => {
    const modern = await startConformanceFixture({ era: 'modern' });
    const found = await probe({ endpointUrl: modern.url });
    await modern.close();
    expect(found).toMatchObject({ reachable: true, transport: 'STREAMABLE_HTTP', protocolVersion: '2026-07-28' });
    expect(stepsOf(found)).toEqual(['streamable-http failed', 'streamable-http-without-session ok', 'tools ok', 'end ok']);
  });

  test('the one transport that is asked for, and no other', async () => {
    const found = await probe({ endpointUrl: upstream.url, transport: 'SSE' });
    expect(found).toMatchObject({ reachable: false, transport: null, auth: 'UNKNOWN' });
    expect(stepsOf(found)).toEqual(['sse failed']);
  });

  test('a STDIO server that the operator allows', async () => {
    const { stdioCommand, stdioArgs } = launch.server;
    const found = await probe({ stdioCommand, stdioArgs });
    expect(found).toMatchObject({ reachable: true, transport: 'STDIO' });
    expect(found.tools.length).toBeGreaterThan(0);
    expect(stepsOf(found)).toEqual(['stdio ok', 'tools ok', 'end ok']);
    expect(pidsBelow(process.pid, STDIO_ENTRY)).toEqual([]);
  });

  test('why a program is no server', async () => {
    const found = await probe({ stdioCommand: '/bin/false' });
    expect(found).toMatchObject({
      reachable: false,
      transport: null,
      steps: [{ name: 'stdio', ok: false, detail: expect.stringMatching(/^the program ended/) }, {}],
    });
  });
});

describe('what a server asks of its callers', () => {
  const metadata = (response: Parameters<NonNullable<ToolUpstream['intercept']>>[1], value: object): true => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    return true;
  };

  test('is followed from the challenge to the metadata of its authorisation server', async () => {
    const { origin } = upstream;
    upstream.intercept = (path, response) => {
      if (path === '/resource') return metadata(response, { resource: `${origin}/mcp`, authorization_servers: [`${origin}/issuer`] });
      if (path === '/.well-known/oauth-authorization-server/issuer') {
        const endpoints = { authorization_endpoint: `${origin}/authorize`, token_endpoint: `${origin}/token` };
        return metadata(response, { issuer: `${origin}/issuer`, ...endpoints, response_types_supported: ['code'], code_challenge_methods_supported: ['S256'] });
      }
      response.writeHead(401, { 'www-authenticate': `Bearer resource_metadata="${origin}/resource"` }).end();
      return true;
    };
    const found = await probe({ endpointUrl: upstream.url });
    expect(found).toMatchObject({
      reachable: false,
      auth: 'OAUTH2',
      oauthMetadata: { protectedResource: { resource: `${origin}/mcp` }, authorisationServer: { token_endpoint: `${origin}/token` } },
      warnings: [],
    });
    expect(stepsOf(found)).toEqual(['streamable-http failed', 'challenge ok', 'protected-resource ok', 'authorisation-server ok']);
  });

  test.each([
    ['Basic realm="x"', 'BASIC'],
    ['Bearer', 'BEARER'],
    [undefined, 'UNKNOWN'],
  ])('%s: %s', async (challenge, auth) => {
    upstream.intercept = (path, response) => {
      if (path === '/mcp') response.writeHead(401, challenge === undefined ? {} : { 'www-authenticate': challenge }).end();
      else response.writeHead(404).end();
      return true;
    };
    expect(await probe({ endpointUrl: upstream.url })).toMatchObject({ reachable: false, auth, oauthMetadata: null });
  });

  test('is found out also when it greets everybody, and asks only when it comes to its tools', async () => {
    let posts = 0;
    upstream.intercept = (path, response, headers) => {
      const isToolList = path === '/mcp' && headers['mcp-protocol-version'] !== undefined && headers['content-length'] !== undefined && ++posts === 2;
      if (path === '/mcp' && !isToolList) return false;
      response.writeHead(isToolList ? 401 : 404, isToolList ? { 'www-authenticate': 'Bearer' } : {}).end();
      return true;
    };
    expect(await probe({ endpointUrl: upstream.url })).toMatchObject({ reachable: true, transport: 'STREAMABLE_HTTP', auth: 'BEARER', tools: [] });
  });

  test('is asked for with what is given, and whatever the server repeats of it is taken out', async () => {
    upstream.intercept = (_path, response, headers) => {
      if (headers.authorization === `Bearer ${TOKEN}`) return false;
      response.writeHead(401).end();
      return true;
    };
    const found = await probe({ endpointUrl: upstream.url, auth: { bearer: { token: TOKEN } } });
    expect(found).toMatchObject({
      reachable: true,
      auth: 'ACCEPTED',
      tools: [{ name: 'delete_all', description: 'knows [secret]', risk: 'READ_ONLY', flags: ['HINTS_CONTRADICT_NAME'] }],
      warnings: ['the secret goes over the network in the clear'],
    });
  });
});

describe('a saved server', () => {
  test('is probed with its own secrets, which nobody sees and no input sends elsewhere', async () => {
    const input = { name: 'Saved', transport: 'STREAMABLE_HTTP', endpointUrl: upstream.url, auth: { bearer: { token: TOKEN } } };
    const { id } = await plane.admin.createServer(input);
    upstream.intercept = (_path, response, headers) => {
      if (headers.authorization === `Bearer ${TOKEN}`) return false;
      response.writeHead(401).end();
      return true;
    };
    const found = await probe({ serverId: id });
    expect(found).toMatchObject({ reachable: true, auth: 'ACCEPTED' });
    expect(JSON.stringify(found)).not.toContain(TOKEN);
    expect(plane.log()).not.toContain(TOKEN);
    expect(await errorsOf({ serverId: id, endpointUrl: 'http://127.0.0.1:9/' })).toMatchObject([{ code: 'INVALID', field: ['serverId'] }]);
    const rows = await plane.database.query('select count(*)::int as count from tools');
    expect(rows).toEqual([{ count: 0 }]);
  });

  test('of another organisation is not there', async () => {
    const { admin } = await plane.newOrganisation('elsewhere');
    const { id } = await admin.createServer({ name: 'Theirs', transport: 'STREAMABLE_HTTP', endpointUrl: upstream.url });
    expect(await errorsOf({ serverId: id })).toMatchObject([{ code: 'NOT_FOUND', field: ['serverId'] }]);
  });

  test('needs another permission than a draft', async () => {
    const { id } = await plane.admin.createServer({ name: 'Permitted', transport: 'STREAMABLE_HTTP', endpointUrl: upstream.url });
    const { token: creator } = await plane.newAdminToken({ permissions: ['SERVER_CREATE'] });
    const { token: updater } = await plane.newAdminToken({ permissions: ['SERVER_UPDATE'] });
    await expect(errorsOf({ serverId: id }, creator)).rejects.toThrow('FORBIDDEN');
    await expect(errorsOf({ endpointUrl: upstream.url }, updater)).rejects.toThrow('FORBIDDEN');
    expect(await errorsOf({ serverId: id }, updater)).toEqual([]);
    expect(await errorsOf({ endpointUrl: upstream.url }, creator)).toEqual([]);
  });
});

describe('goes nowhere else', () => {
  const REFUSED = 'its address is not one that this server may have';

  test.each(['127.0.0.1', 'localhost', '[::1]', '0x7f.1', '2130706433', '[::ffff:127.0.0.1]', '169.254.169.254'])(
    'a public server is not at %s',
    async (host) => {
      const found = await probe({ endpointUrl: `http://${host}:${new URL(upstream.url).port}/mcp`, isPublic: true });
      expect(found.reachable).toBe(false);
      expect(found.steps.map(({ detail }) => detail)).toEqual([REFUSED, REFUSED, REFUSED]);
      expect(upstream.asked).toEqual([]);
    },
  );

  test('redirects are not followed', async () => {
    const target = await startToolUpstream();
    upstream.intercept = (_path, response) => {
      response.writeHead(307, { location: target.url }).end();
      return true;
    };
    const found = await probe({ endpointUrl: upstream.url });
    expect(found.steps[0]).toMatchObject({ name: 'streamable-http', ok: false, detail: expect.stringContaining('redirects are not followed') });
    expect(target.asked).toEqual([]);
    await target.close();
  });

  test('metadata leads to no address that the server itself might not have', async () => {
    upstream.intercept = (_path, response) => {
      response.writeHead(401, { 'www-authenticate': 'Bearer resource_metadata="file:///etc/passwd"' }).end();
      return true;
    };
    const found = await probe({ endpointUrl: upstream.url });
    expect(found.steps.find(({ name }) => name === 'protected-resource')).toMatchObject({ ok: false, detail: REFUSED });
  });

  test('what a place answers that is no MCP server is not shown', async () => {
    upstream.intercept = (_path, response) => {
      response.writeHead(500, { 'content-type': 'text/plain' }).end('internal words');
      return true;
    };
    const found = await probe({ endpointUrl: upstream.url });
    expect(JSON.stringify(found)).not.toContain('internal words');
    expect(found.steps[0]).toMatchObject({ detail: 'the server answered with status 500' });
  });

  test('an answer without an end is not read to it', async () => {
    upstream.intercept = (_path, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const more = (): void => void (response.destroyed || response.write('x'.repeat(65_536), more));
      more();
      return true;
    };
    expect(await probe({ endpointUrl: upstream.url, transport: 'STREAMABLE_HTTP' })).toMatchObject({ reachable: false });
  });

  test.each([
    [{ stdioCommand: '/bin/sh', stdioArgs: ['-c', 'id'] }],
    [{ stdioCommand: '/bin/cat', stdioArgs: [] }],
    [{ stdioCommand: '/bin/cat', stdioArgs: [], transport: 'STDIO', stdioEnv: [{ name: 'LD_PRELOAD', value: '/x' }] }],
  ])('a program that the operator does not list is not started: %o', async (input) => {
    expect(await errorsOf(input)).toMatchObject([{ code: 'STDIO_NOT_ALLOWED' }]);
  });

  test('a program that was allowed when its server was saved is not started when it no longer is', async () => {
    const { id } = await plane.admin.createServer({ name: 'Program', ...launch.server });
    await plane.database.query('update mcp_servers set stdio_args = \'["another.js"]\' where id = $1', [id]);
    const found = await probe({ serverId: id });
    expect(found.steps[0]).toMatchObject({ name: 'stdio', ok: false, detail: expect.stringContaining("not on the operator's STDIO allow-list") });
  });
});

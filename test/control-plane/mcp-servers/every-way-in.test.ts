/** Whichever way a server comes in, the operator's bounds hold: programs that he lists, and addresses that a server may have. */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { startTestControlPlane, userErrorsOf, type TestControlPlane } from '../../support/control-plane.ts';

const LISTED = { stdioCommand: '/bin/cat', stdioArgs: ['-u'] };
const UNLISTED = { stdioCommand: '/bin/cat', stdioArgs: ['/etc/passwd'] };
const outcomeSchema = z.object({ servers: z.tuple([z.object({ userErrors: z.array(z.object({ code: z.string() })) })]) });

let plane: TestControlPlane;
let ownEntryId: string;
let count = 0;

beforeAll(async () => {
  const path = join(await mkdtemp(join(tmpdir(), 'turnpike-allowlist-')), 'allowlist.json');
  const npmPackage = { name: '@modelcontextprotocol/server-filesystem', args: ['-u'] };
  await writeFile(path, JSON.stringify({ entries: [{ command: '/bin/cat', args: ['-u'], env: [], npmPackage }] }));
  plane = await startTestControlPlane(path);
  const own = {
    title: 'Bare',
    description: 'Without arguments',
    publisher: 'Us',
    categories: ['data'],
    authTypes: ['NONE'],
    reach: { package: { identifier: npmPackage.name } },
  };
  const { entry } = await plane.admin.mutate('createCatalogEntry', 'CreateCatalogEntryInput', own, 'entry { id }');
  ownEntryId = z.object({ id: z.string() }).parse(entry).id;
});
afterAll(() => plane?.close());

const name = () => `server ${++count}`;
const codes = async (mutation: string, type: string, input: Record<string, unknown>) =>
  (await userErrorsOf(plane, mutation, type, input)).map(({ code }) => code);
const imported = async (entry: Record<string, unknown>) => {
  const document = { mcpServers: { [name()]: entry } };
  return outcomeSchema
    .parse(await plane.admin.mutate('importServers', 'ImportServersInput', { document, isPublic: true }, 'servers { userErrors { code } }'))
    .servers[0].userErrors.map(({ code }) => code);
};

describe('a program that the operator does not list', () => {
  const ways: [string, (launch: typeof LISTED) => Promise<string[]>][] = [
    ['created', (launch) => codes('createServer', 'CreateServerInput', { name: name(), transport: 'STDIO', ...launch })],
    [
      'updated',
      async (launch) => {
        const { id } = await plane.admin.createServer({ name: name(), transport: 'STDIO', ...LISTED });
        return codes('updateServer', 'UpdateServerInput', { id, ...launch });
      },
    ],
    ['probed', (launch) => codes('probeServer', 'ProbeServerInput', { transport: 'STDIO', ...launch })],
    ['imported', ({ stdioCommand: command, stdioArgs: args }) => imported({ command, args })],
    // The catalogue starts it with an argument of its own, which is judged with the others.
    [
      'installed',
      (launch) => {
        const which = launch === LISTED ? { entryId: ownEntryId } : { entryId: 'cat_filesystem', variables: [{ name: 'directory', value: '/etc' }] };
        return codes('installCatalogEntry', 'InstallCatalogEntryInput', { ...which, slug: `s-${++count}` });
      },
    ],
  ];

  test.each(ways)('is not %s', async (_way, enter) => {
    expect(await enter(UNLISTED)).toEqual(['STDIO_NOT_ALLOWED']);
  });

  test.each(ways)('is what decides: one that he lists is %s', async (_way, enter) => {
    expect(await enter(LISTED)).toEqual([]);
  });
});

describe('a public server on a private address', () => {
  const PRIVATE = { transport: 'STREAMABLE_HTTP', endpointUrl: 'http://169.254.169.254/mcp' } as const;

  test('is not created, updated, imported or installed', async () => {
    expect(await codes('createServer', 'CreateServerInput', { name: name(), ...PRIVATE, isPublic: true })).toEqual(['PRIVATE_ADDRESS']);
    const { id } = await plane.admin.createServer({ name: name(), transport: 'STREAMABLE_HTTP', endpointUrl: 'https://example.com/', isPublic: true });
    expect(await codes('updateServer', 'UpdateServerInput', { id, endpointUrl: PRIVATE.endpointUrl })).toEqual(['PRIVATE_ADDRESS']);
    const { id: privateId } = await plane.admin.createServer({ name: name(), transport: 'STREAMABLE_HTTP', endpointUrl: 'http://10.0.0.1/' });
    expect(await codes('updateServer', 'UpdateServerInput', { id: privateId, isPublic: true })).toEqual(['PRIVATE_ADDRESS']);
    expect(await imported({ url: PRIVATE.endpointUrl })).toEqual(['PRIVATE_ADDRESS']);
    const variables = [{ name: 'store_domain', value: '127.0.0.1' }];
    expect(await codes('installCatalogEntry', 'InstallCatalogEntryInput', { entryId: 'cat_shopify-storefront', variables })).toEqual(['PRIVATE_ADDRESS']);
  });

  test('is refused where a probe would connect', async () => {
    const probe = 'probe { reachable steps { ok detail } }';
    const { probe: found } = await plane.admin.mutate('probeServer', 'ProbeServerInput', { endpointUrl: PRIVATE.endpointUrl, isPublic: true }, probe);
    expect(found).toMatchObject({ reachable: false });
    expect(JSON.stringify(found)).toContain('its address is not one that this server may have');
  });
});

describe('a server that demands OAuth 2', () => {
  const HTTP = { transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/', oauthRequired: true } as const;

  test('is not enabled with less, whichever change would do it', async () => {
    expect(await codes('createServer', 'CreateServerInput', { name: name(), ...HTTP, enabled: true })).toEqual(['AUTH_INCOMPLETE']);
    const { id } = await plane.admin.createServer({ name: name(), ...HTTP, enabled: false });
    expect(await codes('setServerEnabled', 'SetEnabledInput', { id, enabled: true })).toEqual(['AUTH_INCOMPLETE']);
    expect(await codes('setServerEnabled', 'SetEnabledInput', { id, enabled: false })).toEqual([]);
    expect(await codes('setServerAuth', 'SetServerAuthInput', { id, auth: { bearer: { token: 'x' } } })).toEqual([]);
    expect(await codes('setServerEnabled', 'SetEnabledInput', { id, enabled: true })).toEqual(['AUTH_INCOMPLETE']);
  });

  test('and one that is enabled does not begin to demand it', async () => {
    const { id } = await plane.admin.createServer({ name: name(), ...HTTP, oauthRequired: false });
    expect(await codes('updateServer', 'UpdateServerInput', { id, oauthRequired: true })).toEqual(['AUTH_INCOMPLETE']);
  });
});

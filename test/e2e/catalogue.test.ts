/** From the catalogue to a call: somebody asks for a server, an administrator installs it, and an agent calls it through the gateway. */
import { mkdtemp, realpath, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { newMember } from '../support/browser.ts';
import { GatewayClient, toolCall } from '../support/gateway-client.ts';
import { startTestPlanes, type TestPlanes } from '../support/planes.ts';
import { eventually, ROOT } from '../support/processes.ts';

const PACKAGE = '@modelcontextprotocol/server-everything';

let planes: TestPlanes;

beforeAll(async () => {
  const args = [join(ROOT, 'node_modules', PACKAGE, 'dist/index.js')];
  const command = await realpath(process.execPath);
  const allowlist = join(await mkdtemp(join(tmpdir(), 'turnpike-allowlist-')), 'stdio-allowlist.json');
  const entry = { command, args: [...args, 'stdio'].map((argument) => RegExp.escape(argument)), env: [], npmPackage: { name: PACKAGE, args } };
  await writeFile(allowlist, JSON.stringify({ entries: [entry] }));
  planes = await startTestPlanes({ TURNPIKE_STDIO_ALLOWLIST: allowlist });
});
afterAll(() => planes?.close());

test('a person without the permission asks, an administrator approves, and the server answers through the gateway', async () => {
  const { control, dataUrl } = planes;
  const asker = await newMember(control, 'asks@example.com', 'USER');
  const decider = await newMember(control, 'decides@example.com', 'MANAGER');
  const refused = await asker.browser.ask('mutation { installCatalogEntry(input: {entryId: "cat_everything"}) { server { id } } }');
  expect(refused.errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', permission: 'CATALOG_INSTALL' });

  await asker.browser.mutate('requestInstall', 'RequestInstallInput', { entryId: 'cat_everything', reason: 'for tests' });
  const seen = await decider.browser.ask('{ installRequests(state: PENDING) { nodes { id reason entry { slug } requestedBy { email } } } }');
  const { nodes } = z.object({ installRequests: z.object({ nodes: z.tuple([z.looseObject({ id: z.string() })]) }) }).parse(seen.data).installRequests;
  expect(nodes).toMatchObject([{ reason: 'for tests', entry: { slug: 'everything' }, requestedBy: { email: 'asks@example.com' } }]);

  const key = await control.admin.createApiKey();
  const decision = { id: nodes[0].id, approve: true, note: 'have fun', install: { enabled: true, grantTo: [key.id] } };
  const decided = await decider.browser.mutate('decideInstallRequest', 'DecideInstallRequestInput', decision, 'request { state server { slug source } }');
  expect(decided).toMatchObject({ request: { state: 'APPROVED', server: { slug: 'everything', source: 'CATALOG' } }, userErrors: [] });

  const gateway = new GatewayClient(dataUrl);
  const answer = await eventually(async () => {
    const { status, text } = await gateway.send('everything', { key: key.secret, body: toolCall('echo', { message: 'installed' }) });
    return status === 200 ? text : undefined;
  }, 'the installed server answering');
  expect(JSON.parse(answer)).toMatchObject({ result: { content: [{ text: 'Echo: installed' }] } });

  const told = await asker.browser.ask(
    '{ installRequests { nodes { state decisionNote decidedBy { email } } } catalog(search: "everything") { nodes { installed { slug } } } }',
  );
  expect(told.data).toEqual({
    installRequests: { nodes: [{ state: 'APPROVED', decisionNote: 'have fun', decidedBy: { email: 'decides@example.com' } }] },
    catalog: { nodes: [{ installed: { slug: 'everything' } }] },
  });
});

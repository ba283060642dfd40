/** Requests to install: whoever may not install asks, whoever may decides once, and nobody sees another's. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { newMember, type Browser } from '../../support/browser.ts';
import { startTestControlPlane, userErrorsOf, type TestControlPlane } from '../../support/control-plane.ts';

let plane: TestControlPlane;
let asker: Browser;
let other: Browser;

beforeAll(async () => {
  plane = await startTestControlPlane();
  asker = (await newMember(plane, 'asker@example.com', 'USER')).browser;
  other = (await newMember(plane, 'other@example.com', 'USER')).browser;
});
afterAll(() => plane?.close());
beforeEach(() => plane.database.query('delete from install_requests; delete from mcp_servers'));

const requestSchema = z.object({ request: z.object({ id: z.string() }) });
const ask = async (who: Browser, entryId = 'cat_deepwiki') => {
  const payload = await who.mutate('requestInstall', 'RequestInstallInput', { entryId }, 'request { id state }');
  return requestSchema.parse(payload).request.id;
};
const decide = (input: Record<string, unknown>) =>
  plane.admin.mutate('decideInstallRequest', 'DecideInstallRequestInput', input, 'request { state decidedBy { id } server { slug enabled } }');
const decideErrors = (input: Record<string, unknown>) => userErrorsOf(plane, 'decideInstallRequest', 'DecideInstallRequestInput', input);
const withdraw = (who: Browser, id: string) => who.mutate('withdrawInstallRequest', 'ReferenceInput', { id }, 'request { state }');
const servers = async () => (await plane.database.query('select id from mcp_servers')).length;

test('an approval installs as the decision says, and both are audited', async () => {
  const id = await ask(asker);
  expect((await decide({ id, approve: true, install: { slug: 'wiki', enabled: true } }))['request']).toEqual({
    state: 'APPROVED',
    decidedBy: null,
    server: { slug: 'wiki', enabled: true },
  });
  const actions = await plane.database.query(`select action, actor_kind from audit_events where action ~ 'nstall' order by position desc limit 3`);
  expect(actions).toEqual([
    { action: 'decideInstallRequest', actor_kind: 'ADMIN_TOKEN' },
    { action: 'installCatalogEntry', actor_kind: 'ADMIN_TOKEN' },
    { action: 'requestInstall', actor_kind: 'USER' },
  ]);
});

test('a refusal installs nothing, and its note is for the asker', async () => {
  const id = await ask(asker);
  await decide({ id, approve: false, note: 'not now' });
  const { data } = await asker.ask('{ installRequests { nodes { state decisionNote server { id } } } }');
  expect(data).toEqual({ installRequests: { nodes: [{ state: 'REFUSED', decisionNote: 'not now', server: null }] } });
  expect(await servers()).toBe(0);
});

test('an install that is refused leaves the request open', async () => {
  const id = await ask(asker);
  await decide({ id: await ask(other), approve: true });
  expect(await decideErrors({ id, approve: true })).toMatchObject([{ code: 'TAKEN', field: ['slug'] }]);
  expect((await decide({ id, approve: true, install: { slug: 'second' } }))['request']).toMatchObject({ state: 'APPROVED' });
});

test('of many who decide at the same moment one does, and the others are told so', async () => {
  const id = await ask(asker);
  const errors = await Promise.all(Array.from({ length: 6 }, (_, index) => decideErrors({ id, approve: true, install: { slug: `wiki-${index}` } })));
  expect(errors.filter((list) => list.length === 0)).toHaveLength(1);
  expect(errors.flat().every(({ code }) => code === 'ALREADY_DECIDED')).toBe(true);
  expect(await servers()).toBe(1);
});

test('a dry run says whether the install would be refused, and decides nothing', async () => {
  const id = await ask(asker, 'cat_memory');
  expect(await decideErrors({ id, approve: true, dryRun: true })).toMatchObject([{ code: 'STDIO_NOT_ALLOWED' }]);
  const wiki = await ask(asker);
  expect((await decide({ id: wiki, approve: true, dryRun: true }))['request']).toMatchObject({ state: 'APPROVED' });
  expect(await plane.database.query(`select state from install_requests group by state`)).toEqual([{ state: 'PENDING' }]);
});

test('whoever asked may take it back, and nobody else; what is decided stays', async () => {
  const id = await ask(asker);
  expect((await withdraw(other, id)).userErrors).toMatchObject([{ code: 'NOT_FOUND' }]);
  expect(await withdraw(asker, id)).toMatchObject({ request: { state: 'WITHDRAWN' }, userErrors: [] });
  expect((await withdraw(asker, id)).userErrors).toMatchObject([{ code: 'ALREADY_DECIDED' }]);
  expect(await decideErrors({ id, approve: true })).toMatchObject([{ code: 'ALREADY_DECIDED' }]);
});

test('one request of a person for an entry waits at a time, and not more than twenty of a person', async () => {
  await ask(asker);
  const again = await asker.mutate('requestInstall', 'RequestInstallInput', { entryId: 'cat_deepwiki' });
  expect(again.userErrors).toMatchObject([{ code: 'TAKEN' }]);
  const { data } = await asker.ask('{ catalog(first: 21) { nodes { id } } }');
  const entries = z.object({ catalog: z.object({ nodes: z.array(z.object({ id: z.string() })) }) }).parse(data).catalog.nodes;
  const outcomes: unknown[] = [];
  for (const { id } of entries.filter((entry) => entry.id !== 'cat_deepwiki'))
    outcomes.push(...(await asker.mutate('requestInstall', 'RequestInstallInput', { entryId: id })).userErrors);
  expect(outcomes).toMatchObject([{ code: 'TOO_LARGE' }]);
});

test('everybody sees his own, and whoever may install sees all', async () => {
  await ask(asker);
  await ask(other, 'cat_github');
  const seen = async (browser: Browser) => (await browser.ask('{ installRequests { totalCount nodes { requestedBy { email } } } }')).data?.['installRequests'];
  expect(await seen(asker)).toEqual({ totalCount: 1, nodes: [{ requestedBy: { email: 'asker@example.com' } }] });
  expect((await plane.admin.query('{ installRequests { totalCount } }'))['installRequests']).toEqual({ totalCount: 2 });
  const { token } = await plane.newAdminToken({ permissions: [] });
  expect((await plane.ask('{ installRequests { totalCount } }', {}, token)).data).toEqual({ installRequests: { totalCount: 0 } });
});

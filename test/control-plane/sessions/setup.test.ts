/** The first administrator: one person, by one link, in half an hour. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startControlPlane } from '../../../control-plane/application.ts';
import { Browser, newMember, PASSWORD, setupToken } from '../../support/browser.ts';
import { emptyStores, recordingLog, startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';

let plane: TestControlPlane;

beforeEach(async () => {
  plane = await startTestControlPlane();
});
afterEach(() => plane?.close());

const PERSON = { email: 'First@Example.com', name: 'First', password: PASSWORD };
const setUp = (token: string, input = PERSON, page = new Browser(plane.graphqlUrl)) =>
  page.mutate('setUp', 'SetUpInput', { token, ...input }, 'user { id email }');
const administrators = () => plane.database.query(`select role_id, state from memberships`);

test('the link is in a file for its owner alone, and makes a SUPER_ADMIN who is signed in', async () => {
  const file = join(plane.settings.dataDirectory, 'setup-link');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readFile(file, 'utf8')).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/setup#tpi_\w+\n$/);
  const page = new Browser(plane.graphqlUrl);
  expect(await setUp(await setupToken(plane), PERSON, page)).toMatchObject({ user: { email: 'first@example.com' }, userErrors: [] });
  expect(await page.whoAmI()).toBe('first@example.com');
  expect(await administrators()).toEqual([{ role_id: 'SUPER_ADMIN', state: 'ACTIVE' }]);
  const [event] = await plane.database.query(`select action, actor_kind, target_label from audit_events order by id desc limit 1`);
  expect(event).toEqual({ action: 'setUp', actor_kind: 'USER', target_label: 'first@example.com' });
});

test('of fifty who use the link at once one becomes administrator, and it is dead afterwards', async () => {
  const token = await setupToken(plane);
  const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => setUp(token, { ...PERSON, email: `person${index}@example.com` })));
  expect(answers.filter(({ userErrors }) => userErrors.length === 0)).toHaveLength(1);
  expect(await administrators()).toHaveLength(1);
  expect(await plane.database.query('select id from users')).toHaveLength(1);
  expect((await setUp(token)).userErrors).toMatchObject([{ code: 'INVALID', field: ['token'] }]);
}, 120_000);

test('after half an hour the link is dead, and the next start offers another', async () => {
  const token = await setupToken(plane);
  await plane.database.query(`update invitations set expires_at = expires_at - interval '29 minutes'`);
  const [standing] = await plane.database.query('select expires_at > now() as good from invitations');
  expect(standing).toEqual({ good: true });
  await plane.database.query(`update invitations set expires_at = expires_at - interval '1 minute'`);
  expect((await setUp(token)).userErrors).toMatchObject([{ code: 'INVALID' }]);
  const next = await startAgain();
  const other = await setupToken(plane);
  expect(other).not.toBe(token);
  expect(next).toMatch(new RegExp(`/setup#${other}$`));
  expect((await setUp(other)).userErrors).toEqual([]);
});

test('a start within the half hour shows the same link, and none once somebody administers the organisation', async () => {
  const token = await setupToken(plane);
  expect(await startAgain()).toMatch(new RegExp(`#${token}$`));
  await setUp(token);
  expect(await startAgain()).toBeUndefined();
  await expect(stat(join(plane.settings.dataDirectory, 'setup-link'))).rejects.toThrow('ENOENT');
});

test('the link says in a browser what to do with it, and its token is in no log', async () => {
  const link = (await readFile(join(plane.settings.dataDirectory, 'setup-link'), 'utf8')).trim();
  expect(await (await fetch(link)).text()).toContain('Turnpike waits for its first administrator.');
  expect(plane.log()).not.toContain(await setupToken(plane));
});

test('the token invites nobody else, an invitation sets nothing up, and a short password spoils neither', async () => {
  const token = await setupToken(plane);
  const page = new Browser(plane.graphqlUrl);
  const { token: invitation } = await plane.admin.mutate('inviteMember', 'InviteMemberInput', { email: 'a@example.com', roleId: 'USER' }, 'token');
  const accepted = await page.mutate('acceptInvitation', 'AcceptInvitationInput', { token, name: 'x', password: PASSWORD });
  expect(accepted.userErrors).toMatchObject([{ code: 'INVALID', field: ['token'] }]);
  expect((await setUp(String(invitation))).userErrors).toMatchObject([{ code: 'INVALID', field: ['token'] }]);
  expect((await setUp(token, { ...PERSON, password: 'short' })).userErrors).toMatchObject([{ field: ['password'] }]);
  expect((await setUp(token, { ...PERSON, email: 'nowhere' })).userErrors).toMatchObject([{ field: ['email'] }]);
  expect((await plane.ask('{ invitations { totalCount nodes { email } } }')).data).toEqual({
    invitations: { totalCount: 1, nodes: [{ email: 'a@example.com' }] },
  });
  expect((await setUp(token)).userErrors).toEqual([]);
});

test('somebody who is a member already does not become another one', async () => {
  const member = await newMember(plane, 'member@example.com', 'USER');
  const token = await setupToken(plane);
  expect((await setUp(token, { ...PERSON, email: member.email })).userErrors).toMatchObject([{ code: 'TAKEN', field: ['email'] }]);
  expect(await member.browser.whoAmI()).toBe(member.email);
  expect((await new Browser(plane.graphqlUrl).signIn(member.email)).userErrors).toEqual([]);
});

/** Another replica on the same database and directory; answers its link. */
async function startAgain(): Promise<string | undefined> {
  const { setupLink, close } = await startControlPlane(plane.settings, { log: recordingLog().log, ...emptyStores() });
  await close();
  return setupLink;
}

/** Sessions: each sign-in begins one, their owner sees and ends them, and what ends them ends at once. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { Browser, newMember, PASSWORD, type Member } from '../../support/browser.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';

let plane: TestControlPlane;
let member: Member;
let page: Browser;

const listSchema = z.object({ sessions: z.array(z.object({ id: z.string(), current: z.boolean(), address: z.string(), client: z.string().nullable() })) });
const sessionsOf = async (asker: Browser) => listSchema.parse((await asker.ask('{ sessions { id current address client } }')).data).sessions;

beforeAll(async () => {
  plane = await startTestControlPlane();
  member = await newMember(plane, 'ada@example.com', 'ORG_ADMIN');
});
afterAll(() => plane?.close());
beforeEach(async () => {
  await plane.database.query('delete from sign_in_attempts');
  await plane.database.query('delete from sessions');
  page = await signedIn();
});

async function signedIn(email = member.email, password = PASSWORD): Promise<Browser> {
  const browser = new Browser(plane.graphqlUrl);
  expect((await browser.signIn(email, password)).userErrors).toEqual([]);
  return browser;
}

test('somebody sees his own sessions, the newest first, and which one asks', async () => {
  const other = await signedIn();
  expect(await sessionsOf(other)).toMatchObject([
    { current: true, address: '127.0.0.1', client: 'node' },
    { current: false, address: '127.0.0.1' },
  ]);
});

test('signing out ends the session itself, and takes the cookie away', async () => {
  const { cookie } = page;
  expect((await page.ask('mutation { signOut { endedSessionIds } }')).data).toMatchObject({ signOut: { endedSessionIds: [expect.stringMatching(/^ses_/)] } });
  expect(page.setCookie).toMatch(/^__Host-turnpike-session=; Path=\/; Expires=Thu, 01 Jan 1970 .*; Secure$/);
  page.cookie = cookie;
  expect((await page.ask('{ viewer { permissions } }')).errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
});

test('one’s other sessions are ended one by one, or all at once; a stranger’s are not there', async () => {
  const [second, third] = [await signedIn(), await signedIn()];
  const stranger = await newMember(plane, 'stranger@example.com', 'ORG_ADMIN');
  const [newest] = await sessionsOf(third);
  const revoke = (browser: Browser) => browser.mutate('revokeSession', 'ReferenceInput', { id: newest?.id }, 'endedSessionIds');
  expect((await revoke(stranger.browser)).userErrors).toMatchObject([{ code: 'NOT_FOUND' }]);
  expect(await revoke(page)).toMatchObject({ endedSessionIds: [newest?.id] });
  expect(await third.whoAmI()).toBeUndefined();
  await page.ask('mutation { revokeOtherSessions { endedSessionIds } }');
  expect(await second.whoAmI()).toBeUndefined();
  expect([await page.whoAmI(), await stranger.browser.whoAmI()]).toEqual([member.email, stranger.email]);
});

test('signing in anew ends the session that the browser had', async () => {
  const { cookie } = page;
  await page.signIn(member.email);
  expect(page.cookie).not.toBe(cookie);
  expect(await sessionsOf(page)).toHaveLength(1);
});

test('a session of another organisation ends as well when its browser signs in anew, and a cookie that is none does no harm', async () => {
  const other = await plane.newOrganisation('elsewhere');
  const elsewhere = await newMember({ ...plane, admin: other.admin }, 'elsewhere@example.com', 'USER');
  const { cookie } = elsewhere.browser;
  await elsewhere.browser.signIn(member.email);
  const old = new Browser(plane.graphqlUrl);
  old.cookie = cookie;
  expect(await old.whoAmI()).toBeUndefined();
  old.cookie = `__Host-turnpike-session=${'x'.repeat(1000)}`;
  expect((await old.signIn(member.email)).userErrors).toEqual([]);
});

test('the twentieth sign-in ends the oldest of twenty sessions', async () => {
  await plane.database.query(
    `insert into sessions (id, organisation_id, user_id, hash, address, expires_at)
     select 'ses_0' || lpad(n::text, 3, '0'), organisation_id, user_id, 'h' || n, address, expires_at from sessions, generate_series(1, 19) n`,
  );
  const newest = await signedIn();
  const sessions = await sessionsOf(newest);
  expect(sessions).toHaveLength(20);
  expect(sessions.some(({ id }) => id === 'ses_0001')).toBe(false);
});

test.each([
  ['twelve hours without use', `last_seen_at = now() - interval '12 hours 1 second'`],
  ['a week', `expires_at = now() - interval '1 second'`],
])('%s ends a session', async (_what, change) => {
  await plane.database.query(`update sessions set last_seen_at = now() - interval '11 hours', expires_at = expires_at - interval '6 days'`);
  expect(await page.whoAmI()).toBe(member.email);
  await plane.database.query(`update sessions set ${change}`);
  expect((await page.ask('{ viewer { permissions } }')).errors?.[0]?.message).toContain('the session has expired');
  const fresh = await signedIn();
  expect(await sessionsOf(fresh)).toHaveLength(1);
});

test('use is noted, so that who works goes on', async () => {
  await plane.database.query(`update sessions set last_seen_at = now() - interval '11 hours'`);
  await page.whoAmI();
  const [row] = await plane.database.query(`select last_seen_at > now() - interval '10 seconds' as noted from sessions`);
  expect(row).toEqual({ noted: true });
});

test('another password ends the other sessions, and the old one is wrong from then on', async () => {
  const someone = await newMember(plane, 'changes@example.com', 'USER');
  const other = await signedIn(someone.email);
  const change = (currentPassword: string, newPassword: string) =>
    someone.browser.mutate('changePassword', 'ChangePasswordInput', { currentPassword, newPassword }, 'endedSessionIds');
  expect((await change('wrong', 'another long password')).userErrors).toMatchObject([{ field: ['currentPassword'], code: 'INVALID' }]);
  expect((await change(PASSWORD, 'short')).userErrors).toMatchObject([{ field: ['newPassword'] }]);
  expect(await change(PASSWORD, 'another long password')).toMatchObject({ endedSessionIds: [expect.stringMatching(/^ses_/)], userErrors: [] });
  expect([await other.whoAmI(), await someone.browser.whoAmI()]).toEqual([undefined, someone.email]);
  expect((await new Browser(plane.graphqlUrl).signIn(someone.email)).userErrors).toHaveLength(1);
  await signedIn(someone.email, 'another long password');
  const [event] = await plane.database.query(`select actor_id, before, after from audit_events where action = 'changePassword' and target_label <> 'sessions'`);
  expect(event).toEqual({ actor_id: someone.userId, before: null, after: null });
});

test('somebody who has a session and guesses the password is slowed down like anybody else', async () => {
  const guess = () => page.ask('mutation { changePassword(input: {currentPassword: "guess", newPassword: "a long new password"}) { userErrors { code } } }');
  for (let attempt = 0; attempt < 10; attempt++) expect((await guess()).errors).toBeUndefined();
  expect((await guess()).errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED' } }]);
});

test('a mutation by cookie needs the header, a query does not, and a token needs neither', async () => {
  const mutation = 'mutation { upsertTeam(input: {name: "forged"}) { team { id } } }';
  expect((await page.ask(mutation, {}, {})).errors).toMatchObject([{ message: 'send the header Turnpike-CSRF: 1', extensions: { code: 'FORBIDDEN' } }]);
  expect((await page.ask('{ viewer { permissions } }', {}, {})).errors).toBeUndefined();
  expect((await plane.ask(mutation)).errors).toBeUndefined();
  const simple = await fetch(plane.graphqlUrl, { method: 'POST', headers: { 'content-type': 'text/plain', cookie: page.cookie ?? '' }, body: '{}' });
  expect(simple.status).toBe(400);
});

test('a bearer token wins over the cookie, and what the cookie holds is no bearer token', async () => {
  expect((await page.ask('{ viewer { user { id } } }', {}, { authorization: `Bearer ${plane.token}` })).data).toEqual({ viewer: { user: null } });
  const session = page.cookie?.split('=')[1] ?? '';
  expect((await plane.ask('{ viewer { permissions } }', {}, session)).errors?.[0]?.message).toContain('belongs into its cookie');
});

test('what a person changes is written to the trail in his name', async () => {
  await page.mutate('upsertTeam', 'UpsertTeamInput', { name: 'By Ada' }, 'team { id }');
  const [event] = await plane.database.query(`select actor_kind, actor_id from audit_events where action = 'upsertTeam' order by id desc limit 1`);
  expect(event).toEqual({ actor_kind: 'USER', actor_id: member.userId });
});

test('records are exported to whoever has signed in and may', async () => {
  const response = await fetch(`${plane.url}/v1/export/usage?format=jsonl`, { headers: { cookie: page.cookie ?? '' } });
  expect([response.status, await response.text()]).toEqual([200, '']);
});

/** Signing in: a cookie for whoever knows the password, the same refusal for everybody else, and little patience with guesses. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Browser, newMember, PASSWORD, type Member } from '../../support/browser.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';

let plane: TestControlPlane;
let member: Member;
const browser = () => new Browser(plane.graphqlUrl);
const VIEWER = '{ viewer { user { id name email domain } organisation { slug } permissions } }';

beforeAll(async () => {
  plane = await startTestControlPlane();
  member = await newMember(plane, 'ada@example.com', 'AUDITOR');
});
afterAll(() => plane?.close());
beforeEach(() => plane.database.query('delete from sign_in_attempts'));

test('the right password begins a session, and the viewer is the person', async () => {
  const page = browser();
  expect(await page.signIn(' Ada@Example.COM ')).toMatchObject({ user: { id: member.userId }, userErrors: [] });
  expect((await page.ask(VIEWER)).data).toEqual({
    viewer: {
      user: { id: member.userId, name: 'ada@example.com', email: 'ada@example.com', domain: 'example.com' },
      organisation: { slug: 'default' },
      permissions: ['AUDIT_READ', 'USAGE_READ'],
    },
  });
});

test('the viewer of a token is no person', async () => {
  expect((await plane.ask('{ viewer { user { id } } }')).data).toEqual({ viewer: { user: null } });
});

test('only HTTPS carries the cookie, no script reads it, and no neighbouring host can plant one', async () => {
  const page = browser();
  await page.signIn(member.email);
  expect(page.setCookie).toMatch(/^__Host-turnpike-session=tps_[0-9A-Za-z]{10}_[0-9A-Za-z]{49}; Path=\/; Expires=[^;]+ GMT; HttpOnly; SameSite=Lax; Secure$/);
});

test('a wrong password, an unknown address and a removed person are refused in the same words, and nobody is signed in', async () => {
  const gone = await newMember(plane, 'gone@example.com', 'USER');
  await plane.admin.mutate('removeMember', 'IdInput', { id: gone.membershipId }, 'deletedId');
  const page = browser();
  const refusals = [await page.signIn(member.email, 'not the password'), await page.signIn('nobody@example.com'), await page.signIn(gone.email)];
  expect(refusals[0]).toEqual({
    user: null,
    userErrors: [{ code: 'INVALID', message: 'the address or the password is wrong', field: null }],
  });
  expect(new Set(refusals.map((refusal) => JSON.stringify(refusal))).size).toBe(1);
  expect(page.cookie).toBeUndefined();
});

test('the eleventh attempt for an account is refused, even with the right password, and whether or not there is such an account', async () => {
  const page = browser();
  for (const email of [member.email, 'nobody@example.com']) {
    for (let attempt = 0; attempt < 10; attempt++) expect((await page.signIn(email, 'a guess')).userErrors).toHaveLength(1);
    const answer = await page.ask('mutation($input: SignInInput!) { signIn(input: $input) { user { id } } }', { input: { email, password: PASSWORD } });
    expect(answer.errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED', retryAfter: expect.any(Number) } }]);
  }
  expect(page.cookie).toBeUndefined();
});

test('guesses that come at once are counted like those that follow each other', async () => {
  const mutation = 'mutation($input: SignInInput!) { signIn(input: $input) { userErrors { code } } }';
  const guess = () => browser().ask(mutation, { input: { email: member.email, password: 'a guess' } });
  const answers = await Promise.all(Array.from({ length: 30 }, guess));
  expect(answers.filter(({ errors }) => errors === undefined)).toHaveLength(10);
});

test('an address that tries many accounts is slowed down as well, and signing in costs it nothing', async () => {
  await plane.database.query(`insert into sign_in_attempts select encode(sha256('x'), 'base64'), 0, now()`);
  for (let time = 0; time < 3; time++) await browser().signIn(member.email);
  expect(await plane.database.query('select attempts from sign_in_attempts where attempts > 0')).toEqual([]);
  await browser().signIn('somebody@example.com');
  await plane.database.query(`update sign_in_attempts set attempts = 50 where attempts > 0`);
  const answer = await browser().ask('mutation { signIn(input: {email: "other@example.com", password: "x"}) { user { id } } }');
  expect(answer.errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED' } }]);
});

test('after a quarter of an hour there are new attempts', async () => {
  for (let attempt = 0; attempt < 11; attempt++) await browser().ask(`mutation { signIn(input: {email: "${member.email}", password: "x"}) { user { id } } }`);
  await plane.database.query(`update sign_in_attempts set since = now() - interval '16 minutes'`);
  expect((await browser().signIn(member.email)).userErrors).toEqual([]);
});

test('an address with accounts in two organisations names the one that it means', async () => {
  const other = await plane.newOrganisation('elsewhere');
  await newMember({ ...plane, admin: other.admin }, member.email, 'USER');
  const page = browser();
  expect((await page.signIn(member.email)).userErrors).toHaveLength(1);
  expect((await page.signIn(member.email, PASSWORD, 'nowhere')).userErrors).toHaveLength(1);
  expect(await page.signIn(member.email, PASSWORD, 'default')).toMatchObject({ user: { id: member.userId } });
  await page.signIn(member.email, PASSWORD, 'elsewhere');
  expect((await page.ask('{ viewer { organisation { slug } } }')).data).toEqual({ viewer: { organisation: { slug: 'elsewhere' } } });
});

test('signing in is written to the trail in the person’s name, and the password is nowhere', async () => {
  await browser().signIn(member.email, PASSWORD, 'default');
  const [event] = await plane.database.query(`select action, actor_kind, actor_id, target_id, organisation_id from audit_events order by id desc limit 1`);
  const { userId: id } = member;
  expect(event).toEqual({ action: 'signIn', actor_kind: 'USER', actor_id: id, target_id: id, organisation_id: plane.organisationId });
  const [kept] = await plane.database.query(
    `select (select string_agg(u::text, '') from users u) || (select string_agg(a::text, '') from audit_events a) || (select string_agg(s::text, '') from sessions s) as text`,
  );
  expect(`${String(kept?.['text'])}${plane.log()}`).not.toMatch(/correct horse|tps_[0-9A-Za-z]{10}_/);
  expect(kept?.['text']).toContain('$argon2id$v=19$m=19456,t=2,p=1$');
});

test('a page must show that it is ours before anybody is signed in', async () => {
  const answer = await browser().ask('mutation { signIn(input: {email: "a@example.com", password: "x"}) { user { id } } }', {}, {});
  expect(answer.errors).toMatchObject([{ message: 'send the header Turnpike-CSRF: 1', extensions: { code: 'FORBIDDEN' } }]);
});

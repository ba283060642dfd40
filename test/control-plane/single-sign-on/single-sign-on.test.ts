/** Signing in at an identity provider: only for members and whoever is invited, and only as the provider says in an answer to this very browser. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startControlPlane, type RunningControlPlane } from '../../../control-plane/application.ts';
import { readControlPlaneSettings } from '../../../control-plane/settings.ts';
import { Browser, newMember } from '../../support/browser.ts';
import { emptyStores, recordingLog, startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';
import { CLIENT, followTo, startIdentityProvider, type TestIdentityProvider } from '../../support/identity-provider.ts';
import { freePort } from '../../support/processes.ts';

let plane: TestControlPlane;
let provider: TestIdentityProvider;
/** A replica that knows the provider. */
let running: RunningControlPlane;
let callback: string;

beforeAll(async () => {
  plane = await startTestControlPlane();
  const port = await freePort();
  callback = `http://127.0.0.1:${port}/v1/sign-in/callback`;
  provider = await startIdentityProvider(callback, true);
  running = await startWith(provider.issuer, port);
});
afterAll(async () => {
  await running?.close();
  await provider?.close();
  await plane?.close();
});
beforeEach(() => plane.database.query('delete from sessions; delete from memberships; delete from invitations; delete from users'));

async function startWith(issuer: string, port: number): Promise<RunningControlPlane> {
  const { identityProvider } = readControlPlaneSettings({
    TURNPIKE_SECRET_KEY: plane.settings.secretKey,
    DATABASE_URL: plane.settings.databaseUrl,
    OIDC_ISSUER: issuer,
    OIDC_CLIENT_ID: CLIENT.id,
    OIDC_CLIENT_SECRET: CLIENT.secret,
    OIDC_REDIRECT_URL: callback,
  });
  return startControlPlane({ ...plane.settings, port, identityProvider }, { log: recordingLog().log, ...emptyStores() });
}

interface Departure {
  readonly cookie: string;
  readonly location: string;
}

async function leave(search = ''): Promise<Departure> {
  const response = await fetch(`${running.url}/v1/sign-in${search}`, { redirect: 'manual' });
  expect(response.status).toBe(303);
  return { cookie: response.headers.getSetCookie()[0]?.split(';')[0] ?? '', location: response.headers.get('location') ?? '' };
}

async function comeBack(url: string, cookie: string): Promise<{ status: number; text: string; page: Browser }> {
  const response = await fetch(url, { redirect: 'manual', headers: { cookie } });
  const page = new Browser(`${running.url}/graphql`);
  page.cookie = response.headers
    .getSetCookie()
    .find((set) => set.startsWith('__Host-turnpike-session='))
    ?.split(';')[0];
  return { status: response.status, text: await response.text(), page };
}

/** The whole way of a browser whose person the provider knows as that account. */
async function signIn(account: TestIdentityProvider['account'], search = '') {
  provider.account = account;
  const { cookie, location } = await leave(search);
  return comeBack(await followTo(location, callback), cookie);
}

const ADA = { sub: 'ada-1', email: 'Ada@Example.com', emailVerified: true, name: 'Ada' };

test('a member is signed in, and recognised by the provider’s name for him even with another address', async () => {
  const ada = await newMember(plane, 'ada@example.com', 'AUDITOR');
  const first = await signIn(ADA);
  expect([first.status, first.text]).toEqual([200, 'You are signed in as ada@example.com.\n']);
  expect(await first.page.whoAmI()).toBe('ada@example.com');
  const again = await signIn({ ...ADA, email: 'married@example.com' });
  expect(await again.page.whoAmI()).toBe('ada@example.com');
  const [event] = await plane.database.query(`select action, actor_kind, actor_id from audit_events order by id desc limit 1`);
  expect(event).toEqual({ action: 'signIn', actor_kind: 'USER', actor_id: ada.userId });
});

test('whoever is invited becomes a member, without a password', async () => {
  await plane.admin.mutate('inviteMember', 'InviteMemberInput', { email: 'ada@example.com', roleId: 'AUDITOR' }, 'token');
  const { page } = await signIn(ADA);
  expect((await page.ask('{ viewer { user { name email } permissions } }')).data).toEqual({
    viewer: { user: { name: 'Ada', email: 'ada@example.com' }, permissions: ['AUDIT_READ', 'USAGE_READ'] },
  });
  expect(await (await signIn(ADA)).page.whoAmI()).toBe('ada@example.com');
  expect((await new Browser(plane.graphqlUrl).signIn('ada@example.com')).userErrors).toHaveLength(1);
  expect(await plane.database.query('select id from invitations')).toEqual([]);
});

test.each([
  ['whom nobody knows', { ...ADA, sub: 'stranger-1', email: 'stranger@example.com' }],
  ['whose address the provider has not verified', { ...ADA, emailVerified: false }],
  ['who has got the address of another', { ...ADA, sub: 'ada-2' }],
])('somebody %s is nobody', async (_who, account) => {
  await newMember(plane, 'ada@example.com', 'USER');
  await signIn(ADA);
  const { status, page } = await signIn(account);
  expect([status, page.cookie]).toEqual([403, undefined]);
});

test('who is suspended, or was removed, is nobody', async () => {
  const ada = await newMember(plane, 'ada@example.com', 'USER');
  await plane.admin.mutate('updateMember', 'UpdateMemberInput', { id: ada.membershipId, suspended: true }, 'membership { id }');
  expect((await signIn(ADA)).status).toBe(403);
  await plane.admin.mutate('removeMember', 'IdInput', { id: ada.membershipId }, 'deletedId');
  expect((await signIn(ADA)).status).toBe(403);
});

test('who has accounts in two organisations begins with the one that he means', async () => {
  await newMember(plane, 'ada@example.com', 'USER');
  const other = await plane.newOrganisation('elsewhere');
  await newMember({ ...plane, admin: other.admin }, 'ada@example.com', 'USER');
  expect((await signIn(ADA)).status).toBe(403);
  const { page } = await signIn(ADA, '?organisation=elsewhere');
  expect((await page.ask('{ viewer { organisation { slug } } }')).data).toEqual({ viewer: { organisation: { slug: 'elsewhere' } } });
});

describe('what comes back is refused', () => {
  const flowWith = (cookie: string, at: number, value: string) => {
    const [name = '', flow = ''] = cookie.split('=', 2);
    return `${name}=${flow
      .split('.')
      .map((part, index) => (index === at ? value : part))
      .join('.')}`;
  };
  const OTHER = 'x'.repeat(43);
  const cases: [string, (url: string, cookie: string) => { url: string; cookie: string }, number][] = [
    ['in another browser', (url) => ({ url, cookie: '' }), 400],
    ['with another state', (url, cookie) => ({ url: url.replace(/state=[^&]+/, `state=${OTHER}`), cookie }), 403],
    ['to another state', (url, cookie) => ({ url, cookie: flowWith(cookie, 0, OTHER) }), 403],
    ['with another nonce', (url, cookie) => ({ url, cookie: flowWith(cookie, 1, OTHER) }), 403],
    ['without the verifier of its challenge', (url, cookie) => ({ url, cookie: flowWith(cookie, 2, OTHER) }), 403],
    ['from another issuer', (url, cookie) => ({ url: url.replace(/iss=[^&]+/, 'iss=https%3A%2F%2Felsewhere.example'), cookie }), 403],
    ['without an issuer', (url, cookie) => ({ url: url.replace(/&?iss=[^&]+/, ''), cookie }), 403],
  ];

  test.each(cases)('%s', async (_how, change, status) => {
    await newMember(plane, 'ada@example.com', 'USER');
    provider.account = ADA;
    const { cookie, location } = await leave();
    const forged = change(await followTo(location, callback), cookie);
    const back = await comeBack(forged.url, forged.cookie);
    expect([back.status, back.page.cookie]).toEqual([status, undefined]);
  });

  test('a second time', async () => {
    await newMember(plane, 'ada@example.com', 'USER');
    provider.account = ADA;
    const { cookie, location } = await leave();
    const url = await followTo(location, callback);
    expect((await comeBack(url, cookie)).status).toBe(200);
    expect((await comeBack(url, cookie)).status).toBe(403);
  });
});

test('the way there has a challenge, a state and a nonce, and its cookie is for this host and ten minutes', async () => {
  const response = await fetch(`${running.url}/v1/sign-in`, { redirect: 'manual' });
  const { searchParams } = new URL(response.headers.get('location') ?? '');
  expect(Object.fromEntries(searchParams)).toMatchObject({
    response_type: 'code',
    client_id: CLIENT.id,
    redirect_uri: callback,
    code_challenge_method: 'S256',
    code_challenge: expect.stringMatching(/^[\w-]{43}$/),
    state: expect.stringMatching(/^[\w-]{43}$/),
    nonce: expect.stringMatching(/^[\w-]{43}$/),
  });
  expect(response.headers.getSetCookie()[0]).toMatch(/^__Host-turnpike-sign-in=[^;]+; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Lax; Secure$/);
  expect((await fetch(`${running.url}/v1/sign-in?organisation=No%20Slug`, { redirect: 'manual' })).status).toBe(400);
  expect((await fetch(`${running.url}/v1/sign-in/elsewhere`)).status).toBe(404);
});

test('an address that is not in the ID token is asked for', async () => {
  const port = await freePort();
  callback = `http://127.0.0.1:${port}/v1/sign-in/callback`;
  const reticent = await startIdentityProvider(callback, false);
  const own = await startWith(reticent.issuer, port);
  try {
    await newMember(plane, 'ada@example.com', 'USER');
    reticent.account = ADA;
    const left = await fetch(`${own.url}/v1/sign-in`, { redirect: 'manual' });
    const back = await followTo(left.headers.get('location') ?? '', callback);
    expect((await comeBack(back, left.headers.getSetCookie()[0]?.split(';')[0] ?? '')).text).toBe('You are signed in as ada@example.com.\n');
  } finally {
    await own.close();
    await reticent.close();
  }
});

test('while the provider is away the answer says so, and without one there is nothing', async () => {
  const away = await startWith(`http://127.0.0.1:${await freePort()}`, 0);
  expect((await fetch(`${away.url}/v1/sign-in`, { redirect: 'manual' })).status).toBe(503);
  await away.close();
  expect((await fetch(`${plane.url}/v1/sign-in`)).status).toBe(404);
});

test('half of a provider is refused at the start', () => {
  const environment = { TURNPIKE_SECRET_KEY: 'x', DATABASE_URL: 'postgresql://x' };
  expect(() => readControlPlaneSettings({ ...environment, OIDC_ISSUER: 'https://id.example.com' })).toThrow(
    'OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_REDIRECT_URL',
  );
  expect(readControlPlaneSettings(environment).identityProvider).toBeUndefined();
});

/** Servers that somebody signs in to, against a real authorisation server: for the organisation, and each user for himself. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { AdminClient } from '../support/admin-client.ts';
import { newMember, type Member } from '../support/browser.ts';
import { refusalOf } from '../support/gateway-client.ts';
import { startGuardedPlanes, type GuardedPlanes } from '../support/guarded-planes.ts';
import { followTo } from '../support/identity-provider.ts';
import { eventually } from '../support/processes.ts';

let guarded: GuardedPlanes;
let planes: GuardedPlanes['planes'];
let authority: GuardedPlanes['authority'];
let upstream: GuardedPlanes['upstream'];
let gateway: GuardedPlanes['gateway'];

beforeAll(async () => {
  guarded = await startGuardedPlanes();
  ({ planes, authority, upstream, gateway } = guarded);
});
afterAll(() => guarded?.close());
beforeEach(() => guarded.reset());

const governed = (slug: string, mode = 'AUTHORIZATION_CODE_ORG') => planes.governed({ slug, endpointUrl: upstream.url, auth: { oauth2: { mode } } });
const START = 'authorizeUrl expiresAt';
const callback = () => `${planes.control.url}/oauth/callback`;
const startedSchema = z.object({ authorizeUrl: z.string() });

/** As `asker`, or an administrator. What is asked of the authorisation server is counted from then on. */
async function start(id: string, asker: Pick<AdminClient, 'mutate'> = planes.control.admin): Promise<string> {
  const { authorizeUrl } = startedSchema.parse(await asker.mutate('startServerOAuth', 'ReferenceInput', { id }, START));
  authority.asked.length = 0;
  return authorizeUrl;
}

async function visit(url: string, cookie?: string): Promise<{ status: number; text: string }> {
  const response = await fetch(url, { headers: cookie === undefined ? {} : { cookie } });
  return { status: response.status, text: await response.text() };
}

const signIn = async (id: string) => visit(await followTo(await start(id), callback()));
const call = async (slug: string, apiKey: string) => gateway.send(slug, { key: apiKey });
const reasonOf = async (slug: string, apiKey: string) => refusalOf(await call(slug, apiKey)).data.reason;
const isCalled = (slug: string, apiKey: string) =>
  eventually(async () => ((await call(slug, apiKey)).status === 200 ? true : undefined), `${slug} being called with a token`);

async function connectionOf(serverId: string) {
  const { server } = await planes.control.admin.query(
    'query($id: ID!) { server(id: $id) { auth { oauthMode oauth { state subject scopes refreshable error } } } }',
    { id: serverId },
  );
  return z.object({ auth: z.object({ oauth: z.record(z.string(), z.unknown()).nullable() }) }).parse(server).auth.oauth;
}

const healthOf = async (id: string) => (await planes.control.admin.query('query($id: ID!) { server(id: $id) { health } }', { id }))['server'];

describe('a server that one person signs in to for the organisation', () => {
  test('says by its health that somebody must sign in, before the first time and after the last', async () => {
    const { serverId } = await governed('healthy');
    expect(await healthOf(serverId)).toEqual({ health: 'NEEDS_AUTH' });
    await signIn(serverId);
    expect(await healthOf(serverId)).not.toEqual({ health: 'NEEDS_AUTH' });
    await authority.forgetRefreshTokens();
    await planes.control.database.query(`update upstream_connections set refresh_due_at = now(), expires_at = now() where mcp_server_id = $1`, [serverId]);
    await eventually(async () => (JSON.stringify(await healthOf(serverId)).includes('AUTH_EXPIRED') ? true : undefined), 'the sign-in having expired');
    await planes.control.admin.mutate('disconnectServerOAuth', 'ReferenceInput', { id: serverId }, 'server { id }');
    expect(await healthOf(serverId)).toEqual({ health: 'NEEDS_AUTH' });
    await planes.control.admin.mutate('setServerAuth', 'SetServerAuthInput', { id: serverId, auth: { none: true } }, 'server { id }');
    expect(await healthOf(serverId)).not.toEqual({ health: 'NEEDS_AUTH' });
  });

  test('is called once somebody has, and not before', async () => {
    const { apiKey, serverId } = await governed('one');
    expect(await connectionOf(serverId)).toMatchObject({ state: 'NEEDS_SIGN_IN' });
    expect(await reasonOf('one', apiKey)).toBe('sign_in_required');
    expect(upstream.authorisations).toEqual([]);
    expect(await signIn(serverId)).toMatchObject({ status: 200 });
    await isCalled('one', apiKey);
    expect(await connectionOf(serverId)).toMatchObject({ state: 'CONNECTED', refreshable: true, error: null });
    expect(upstream.authorisations).not.toContain(undefined);
  });

  test('gets its next token with a refresh token that is used once, and none any more when that has expired', async () => {
    const { apiKey, serverId } = await governed('rotating');
    await signIn(serverId);
    await isCalled('rotating', apiKey);
    const row = async () =>
      (await planes.control.database.query('select generation, state, refresh_token from upstream_connections where mcp_server_id = $1', [serverId]))[0];
    const first = await row();
    await planes.control.database.query('update upstream_connections set refresh_due_at = now() where mcp_server_id = $1', [serverId]);
    const second = await eventually(async () => ((await row())?.['generation'] === 2 ? row() : undefined), 'the second token');
    expect(second?.['refresh_token']).not.toEqual(first?.['refresh_token']);
    await isCalled('rotating', apiKey);
    await authority.forgetRefreshTokens();
    await planes.control.database.query(`update upstream_connections set refresh_due_at = now(), expires_at = now() where mcp_server_id = $1`, [serverId]);
    await eventually(async () => ((await connectionOf(serverId))?.['state'] === 'SIGN_IN_EXPIRED' ? true : undefined), 'the end of the sign-in');
    expect(await signIn(serverId)).toMatchObject({ status: 200 });
    await isCalled('rotating', apiKey);
  });

  test('is not called any more once it is disconnected, and its tokens are taken back', async () => {
    const { apiKey, serverId } = await governed('leaving');
    await signIn(serverId);
    await isCalled('leaving', apiKey);
    await planes.control.admin.mutate('disconnectServerOAuth', 'ReferenceInput', { id: serverId }, 'server { id }');
    expect(authority.asked.filter((path) => path === '/token/revocation')).toHaveLength(2);
    await eventually(async () => ((await reasonOf('leaving', apiKey)) === 'sign_in_required' ? true : undefined), 'the end of the connection');
  });
});

describe('a browser that comes back', () => {
  test('comes back once', async () => {
    const { serverId } = await governed('once');
    const back = await followTo(await start(serverId), callback());
    expect(await visit(back)).toMatchObject({ status: 200 });
    expect(await visit(back)).toMatchObject({ status: 400 });
  });

  test('with another state finds nothing, and the code is not used', async () => {
    const { serverId } = await governed('other-state');
    const back = new URL(await followTo(await start(serverId), callback()));
    back.searchParams.set('state', 'made-up');
    expect(await visit(back.href)).toMatchObject({ status: 400 });
    expect(authority.tokenRequests()).toBe(0);
  });

  test.each([
    ['of another issuer', 'https://evil.example'],
    ['of none', null],
  ])('in the name %s is sent away, and the code is not used', async (_who, issuer) => {
    const { serverId } = await governed(issuer === null ? 'no-issuer' : 'other-issuer');
    const back = new URL(await followTo(await start(serverId), callback()));
    if (issuer === null) back.searchParams.delete('iss');
    else back.searchParams.set('iss', issuer);
    expect(await visit(back.href)).toMatchObject({ status: 403 });
    expect(authority.tokenRequests()).toBe(0);
    expect(await connectionOf(serverId)).toMatchObject({ state: 'NEEDS_SIGN_IN' });
  });

  test('after the server’s auth has changed connects nothing', async () => {
    const { serverId } = await governed('changed');
    const back = await followTo(await start(serverId), callback());
    const auth = { oauth2: { mode: 'AUTHORIZATION_CODE_ORG', scope: 'tools:list' } };
    await planes.control.admin.mutate('setServerAuth', 'SetServerAuthInput', { id: serverId, auth }, 'server { id }');
    expect(await visit(back)).toMatchObject({ status: 400 });
    expect(authority.tokenRequests()).toBe(0);
  });
});

describe('a server that each user signs in to', () => {
  const people: Member[] = [];

  beforeAll(async () => {
    for (const name of ['ann', 'ben']) people.push(await newMember(planes.control, `${name}@example.com`, 'USER'));
  });

  test('is called with the connection of the user whose key it is, and with nobody else’s', async () => {
    const { apiKey, serverId } = await governed('personal', 'AUTHORIZATION_CODE_USER');
    expect(await reasonOf('personal', apiKey)).toBe('user_key_required');
    const keys = [];
    for (const { userId } of people) {
      const key = await planes.control.admin.createApiKey();
      await planes.control.admin.grant(key.id, serverId);
      await planes.control.database.query(`update api_keys set type = 'USER', user_id = $1 where id = $2`, [userId, key.id]);
      // Brings the key as it is now to the data planes.
      const { secret } = await planes.control.admin.mutate('rotateApiKey', 'RotateApiKeyInput', { id: key.id }, 'secret');
      keys.push(z.string().parse(secret));
    }
    const [anns = '', bens = ''] = keys;
    const ann = people[0];
    if (ann === undefined) throw new Error('nobody is there');
    await eventually(async () => ((await call('personal', bens)).status === 502 ? true : undefined), 'the grant being in force');
    authority.account = 'ann-upstream';
    const back = await followTo(await start(serverId, ann.browser), callback());
    expect(await visit(back, ann.browser.cookie)).toMatchObject({ status: 200 });
    await isCalled('personal', anns);
    expect(await reasonOf('personal', bens)).toBe('sign_in_required');
  });

  test('is signed in to by nobody with a token, for whom nothing is asked of the authorisation server', async () => {
    const { serverId } = await governed('by-token', 'AUTHORIZATION_CODE_USER');
    await expect(start(serverId)).rejects.toThrow('a person who has signed in');
    expect(authority.asked).toEqual([]);
  });

  test('connects nobody whose sign-in comes back in another browser', async () => {
    const { serverId } = await governed('lured', 'AUTHORIZATION_CODE_USER');
    const [ann, ben] = people;
    if (ann === undefined || ben === undefined) throw new Error('nobody is there');
    for (const cookie of [ben.browser.cookie, undefined]) {
      const back = await followTo(await start(serverId, ann.browser), callback());
      expect(await visit(back, cookie)).toMatchObject({ status: 403 });
      expect(authority.tokenRequests()).toBe(0);
    }
  });
});

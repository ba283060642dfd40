/** Turnpike has registered itself at an authorisation server that then forgets it: that is told, and the next sign-in registers anew and goes on. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
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
  // It would read a document as well, but none is published without TLS.
  guarded = await startGuardedPlanes({ reads: true });
  ({ planes, authority, upstream, gateway } = guarded);
});
afterAll(() => guarded?.close());
beforeEach(() => {
  guarded.reset();
  authority.seconds.access = 600;
});

const governed = (slug: string, more = {}) =>
  planes.governed({ slug, endpointUrl: upstream.url, auth: { oauth2: { mode: 'AUTHORIZATION_CODE_ORG', ...more } } });
const call = (slug: string, apiKey: string) => gateway.send(slug, { key: apiKey });
const isCalled = (slug: string, apiKey: string) =>
  eventually(async () => ((await call(slug, apiKey)).status === 200 ? true : undefined), `${slug} being called with a token`);
const registrations = () => authority.asked.filter((path) => path === '/reg').length;

async function start(id: string): Promise<string> {
  const begun = await planes.control.admin.mutate('startServerOAuth', 'ReferenceInput', { id }, 'authorizeUrl');
  return z.object({ authorizeUrl: z.string() }).parse(begun).authorizeUrl;
}

async function visit(url: string): Promise<{ status: number; text: string }> {
  const response = await fetch(url);
  return { status: response.status, text: await response.text() };
}

const callback = () => `${planes.control.url}/oauth/callback`;
const signIn = async (id: string) => visit(await followTo(await start(id), callback()));

async function connectionOf(id: string) {
  const { server } = await planes.control.admin.query('query($id: ID!) { server(id: $id) { health auth { oauth { state error } } } }', { id });
  const { auth, health } = z
    .object({ health: z.string(), auth: z.object({ oauth: z.object({ state: z.string(), error: z.string().nullable() }) }) })
    .parse(server);
  return { ...auth.oauth, health };
}

const expire = (id: string) =>
  planes.control.database.query('update upstream_connections set refresh_due_at = now(), expires_at = now() where mcp_server_id = $1', [id]);
const stateIs = (id: string, state: string) =>
  eventually(async () => ((await connectionOf(id)).state === state ? connectionOf(id) : undefined), `the connection being ${state}`);

test('what cannot be renewed any more says why, and a sign-in begun anew registers anew and goes on', async () => {
  const { apiKey, serverId } = await governed('forgotten');
  authority.seconds.access = 3;
  expect(await signIn(serverId)).toMatchObject({ status: 200 });
  await isCalled('forgotten', apiKey);
  await authority.forgetClients();
  const { error, health } = await stateIs(serverId, 'SIGN_IN_EXPIRED');
  expect(error).toBe('the authorisation server answered invalid_client (status 401): it has forgotten Turnpike, which registers anew with the next sign-in');
  expect(health).toBe('AUTH_EXPIRED');
  const { auditEvents } = await planes.control.admin.query('{ auditEvents(first: 1, filter: {action: ["expireServerOAuth"]}) { nodes { targetId after } } }');
  expect(auditEvents).toMatchObject({ nodes: [{ targetId: serverId, after: { error } }] });
  await eventually(async () => (refusalOf(await call('forgotten', apiKey)).data.reason === 'sign_in_expired' ? true : undefined), 'calls being told');
  authority.asked.length = 0;
  authority.seconds.access = 600;
  expect(await signIn(serverId)).toMatchObject({ status: 200 });
  expect(registrations()).toBe(1);
  expect(await connectionOf(serverId)).toMatchObject({ state: 'CONNECTED', error: null });
  await isCalled('forgotten', apiKey);
  const generation = async () =>
    (await planes.control.database.query('select generation from upstream_connections where mcp_server_id = $1', [serverId]))[0]?.['generation'];
  await expire(serverId);
  await eventually(async () => ((await generation()) === 2 ? true : undefined), 'a token that was renewed with the new client');
});

test('a client that is still known is not registered again, for other servers and other sign-ins', async () => {
  const [one, two] = [await governed('known'), await governed('known-too')];
  expect(await signIn(one.serverId)).toMatchObject({ status: 200 });
  authority.asked.length = 0;
  expect(await signIn(one.serverId)).toMatchObject({ status: 200 });
  expect(await signIn(two.serverId)).toMatchObject({ status: 200 });
  expect(registrations()).toBe(0);
});

test('that it was forgotten is found out before anybody is sent where nobody comes back from', async () => {
  const { apiKey, serverId } = await governed('never-back');
  expect(await signIn(serverId)).toMatchObject({ status: 200 });
  await authority.forgetClients();
  authority.asked.length = 0;
  expect(await signIn(serverId)).toMatchObject({ status: 200 });
  expect(registrations()).toBe(1);
  await isCalled('never-back', apiKey);
});

test('a sign-in that was under way meanwhile fails with a reason, and the next one goes on', async () => {
  const { serverId } = await governed('under-way');
  const back = await followTo(await start(serverId), callback());
  await authority.forgetClients();
  expect(await visit(back)).toMatchObject({ status: 403, text: expect.stringContaining('invalid_client') });
  expect(await connectionOf(serverId)).toMatchObject({ state: 'NEEDS_SIGN_IN' });
  expect(await signIn(serverId)).toMatchObject({ status: 200 });
});

test('while the authorisation server gives no answer that tells, the client is taken for known', async () => {
  const { serverId } = await governed('closed');
  expect(await signIn(serverId)).toMatchObject({ status: 200 });
  authority.isDown = true;
  authority.asked.length = 0;
  expect(await start(serverId)).toContain('client_id=');
  expect(registrations()).toBe(0);
});

test('a client that somebody has configured is asked for again, since whoever configured it may mend it', async () => {
  const metadata = { redirect_uris: [callback()], grant_types: ['authorization_code', 'refresh_token'] };
  const made = await fetch(`${authority.issuer}/reg`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(metadata) });
  const { client_id: clientId, client_secret: clientSecret } = z.object({ client_id: z.string(), client_secret: z.string() }).parse(await made.json());
  const { serverId } = await governed('configured', { clientId, clientSecret });
  expect(await signIn(serverId)).toMatchObject({ status: 200 });
  await authority.forgetClients();
  await expire(serverId);
  expect((await stateIs(serverId, 'FAILING')).error).toBe('the authorisation server does not accept this client (status 401)');
});

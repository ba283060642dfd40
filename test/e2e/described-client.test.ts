/** Turnpike as a client whose id is the address of a document about it: an authorisation server that never heard of it fetches that, and gives it tokens. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { refusalOf } from '../support/gateway-client.ts';
import { startGuardedPlanes, type GuardedPlanes } from '../support/guarded-planes.ts';
import { followTo } from '../support/identity-provider.ts';
import { eventually } from '../support/processes.ts';
import { startTlsFront, type TlsFront } from '../support/tls-front.ts';

const DOCUMENT = '/oauth/client-metadata.json';
let front: TlsFront;
let guarded: GuardedPlanes;
let planes: GuardedPlanes['planes'];
let authority: GuardedPlanes['authority'];
let upstream: GuardedPlanes['upstream'];
let gateway: GuardedPlanes['gateway'];

beforeAll(async () => {
  front = await startTlsFront();
  guarded = await startGuardedPlanes({ reads: true, ofControl: { CONTROL_PLANE_PUBLIC_URL: front.origin } });
  ({ planes, authority, upstream, gateway } = guarded);
  front.leadTo(planes.control.url);
});
afterAll(async () => {
  await guarded?.close();
  await front?.close();
});
beforeEach(() => guarded.reset());

const governed = (slug: string) => planes.governed({ slug, endpointUrl: upstream.url, auth: { oauth2: { mode: 'AUTHORIZATION_CODE_ORG' } } });
const call = (slug: string, apiKey: string) => gateway.send(slug, { key: apiKey });
const isCalled = (slug: string, apiKey: string) =>
  eventually(async () => ((await call(slug, apiKey)).status === 200 ? true : undefined), `${slug} being called with a token`);

async function start(id: string): Promise<URL> {
  const answer = await planes.control.admin.mutate('startServerOAuth', 'ReferenceInput', { id }, 'authorizeUrl');
  return new URL(z.object({ authorizeUrl: z.string() }).parse(answer).authorizeUrl);
}

async function signIn(id: string): Promise<number> {
  const back = await followTo((await start(id)).href, `${front.origin}/oauth/callback`);
  const response = await fetch(back);
  await response.text();
  return response.status;
}

test('a server that knows nobody fetches the document, and a call carries the token that it gave', async () => {
  const { apiKey, serverId } = await governed('described');
  expect(refusalOf(await call('described', apiKey)).data.reason).toBe('sign_in_required');
  expect((await start(serverId)).searchParams.get('client_id')).toBe(`${front.origin}${DOCUMENT}`);
  expect(await signIn(serverId)).toBe(200);
  expect(front.asked).toContain(DOCUMENT);
  await isCalled('described', apiKey);
  expect(upstream.authorisations).not.toContain(undefined);
  expect(upstream.authorisations.at(-1)).toMatch(/^Bearer ./);
});

test('nobody registers, and no secret is kept', async () => {
  const { serverId } = await governed('unregistered');
  expect(await signIn(serverId)).toBe(200);
  expect(authority.asked).not.toContain('/reg');
  expect(await planes.control.database.query('select * from oauth_clients')).toEqual([]);
  const [row] = await planes.control.database.query('select registration from upstream_connections where mcp_server_id = $1', [serverId]);
  expect(row?.['registration']).toMatchObject({ clientId: `${front.origin}${DOCUMENT}`, method: 'none', clientSecret: null });
});

test('tokens are renewed, and taken back, in the name of the document', async () => {
  const { apiKey, serverId } = await governed('renewed');
  expect(await signIn(serverId)).toBe(200);
  await planes.control.database.query('update upstream_connections set refresh_due_at = now() where mcp_server_id = $1', [serverId]);
  const generation = async () =>
    (await planes.control.database.query('select generation from upstream_connections where mcp_server_id = $1', [serverId]))[0]?.['generation'];
  await eventually(async () => ((await generation()) === 2 ? true : undefined), 'the second token');
  await isCalled('renewed', apiKey);
  await planes.control.admin.mutate('disconnectServerOAuth', 'ReferenceInput', { id: serverId }, 'server { id }');
  expect(authority.asked.filter((path) => path === '/token/revocation')).toHaveLength(2);
  expect(planes.control.log()).not.toContain('did not hear that tokens are not needed');
});

test('a document that cannot be fetched for a while ends no sign-in', async () => {
  const { apiKey, serverId } = await governed('out-of-reach');
  expect(await signIn(serverId)).toBe(200);
  front.leadTo('http://127.0.0.1:9');
  await planes.control.database.query('update upstream_connections set refresh_due_at = now() where mcp_server_id = $1', [serverId]);
  const row = async () =>
    (await planes.control.database.query('select state, error, generation from upstream_connections where mcp_server_id = $1', [serverId]))[0];
  const failing = await eventually(async () => ((await row())?.['state'] === 'FAILING' ? row() : undefined), 'the first refusal');
  expect(failing).toMatchObject({ error: expect.stringContaining('invalid_client') });
  front.leadTo(planes.control.url);
  await eventually(async () => ((await row())?.['state'] === 'CONNECTED' ? true : undefined), 'the next token');
  await isCalled('out-of-reach', apiKey);
});

test('the document says what the authorisation server must know, to anybody, and nothing else', async () => {
  const response = await fetch(`${front.origin}${DOCUMENT}`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('application/json');
  expect(await response.json()).toEqual({
    client_id: `${front.origin}${DOCUMENT}`,
    client_name: 'Turnpike',
    redirect_uris: [`${front.origin}/oauth/callback`],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  });
});

/** A socket lives as long as its token is good, says who it is in time, and carries only so much. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newMember, type Member } from '../../support/browser.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';
import { acknowledged, openSocket, type GraphqlSocket } from '../../support/graphql-socket.ts';
import { eventually } from '../../support/processes.ts';

let plane: TestControlPlane;

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());

function open(headers: Record<string, string> = {}): Promise<GraphqlSocket> {
  return openSocket(plane.graphqlUrl, headers);
}

async function signedIn(token: string): Promise<GraphqlSocket> {
  return acknowledged(await open(), { authorization: `Bearer ${token}` });
}

/** As a browser opens one for a page of ours. */
async function signedInByCookie({ browser }: Member): Promise<GraphqlSocket> {
  return acknowledged(await open({ cookie: browser.cookie ?? '', origin: plane.url }));
}

test('a token that expires closes its socket with 4410', async () => {
  const { token } = await plane.newAdminToken({ expiresAt: new Date(Date.now() + 1500) });
  const { closed } = await signedIn(token);
  expect(await closed).toEqual({ code: 4410, reason: 'Token expired' });
});

test('a token that is revoked closes its socket with 4403, an administrator’s and a data plane’s', async () => {
  const [admin, dataPlane] = [await plane.newAdminToken(), await plane.newDataPlaneToken()];
  const sockets = [await signedIn(admin.token), await signedIn(dataPlane.token)];
  await plane.database.query('update admin_tokens set revoked_at = now() where id = $1', [admin.id]);
  await plane.database.query('update data_plane_tokens set revoked_at = now() where id = $1', [dataPlane.id]);
  for (const { closed } of sockets) expect(await closed).toEqual({ code: 4403, reason: 'Token revoked' });
});

test('a token that loses a permission closes its socket with 4403', async () => {
  const { token, id } = await plane.newAdminToken({ permissions: ['USAGE_READ', 'KEY_MANAGE'] });
  const { closed } = await signedIn(token);
  await plane.database.query(`update admin_tokens set permissions = '{KEY_MANAGE}' where id = $1`, [id]);
  expect(await closed).toEqual({ code: 4403, reason: 'Permissions withdrawn' });
});

test('a socket that does not say who it is is closed with 4408', async () => {
  expect((await (await open()).closed).code).toBe(4408);
});

test.each([
  [{}, 4401],
  [{ authorization: 'Bearer tpa_nonsense' }, 4401],
])('%j is nobody: %d', async (payload, code) => {
  const { socket, closed } = await open();
  socket.send(JSON.stringify({ type: 'connection_init', payload }));
  expect((await closed).code).toBe(code);
});

test('an operation before the acknowledgement is closed with 4401', async () => {
  const { socket, closed } = await open();
  socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: { query: '{ viewer { permissions } }' } }));
  expect((await closed).code).toBe(4401);
});

test('a message above 64 KiB closes the socket with 1009', async () => {
  const { socket, closed } = await signedIn(plane.token);
  socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: { query: '{ __typename }', variables: { padding: 'x'.repeat(65_536) } } }));
  expect((await closed).code).toBe(1009);
});

test('more than 50 operations at once are refused, and the socket goes on', async () => {
  const { socket, received } = await signedIn(plane.token);
  const subscription = 'subscription { usageRecordAdded(filter: {range: {}}) { cursor } }';
  for (let id = 0; id < 51; id++) socket.send(JSON.stringify({ type: 'subscribe', id: String(id), payload: { query: subscription } }));
  const refusal = await eventually(() => received.find((text) => text.includes('QUERY_TOO_COMPLEX')), 'the refusal');
  expect(JSON.parse(refusal)).toMatchObject({ type: 'error', id: '50' });
  socket.send(JSON.stringify({ type: 'complete', id: '0' }));
  socket.send(JSON.stringify({ type: 'subscribe', id: 'next', payload: { query: '{ __typename }' } }));
  await eventually(() => received.find((text) => text.includes('"id":"next"') && text.includes('"data"')), 'the answer');
  socket.close();
});

test('a mutation over the socket needs its permission, and the refusal carries the request’s id', async () => {
  const { token } = await plane.newAdminToken({ permissions: [] });
  const { socket, received } = await signedIn(token);
  socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: { query: 'mutation { upsertTeam(input: {name: "t"}) { userErrors { code } } }' } }));
  const text = await eventually(() => received.find((line) => line.includes('FORBIDDEN')), 'the refusal');
  expect(text).toMatch(/"permission":"MEMBER_MANAGE"/);
  expect(text).toMatch(/"requestId":"req_/);
  socket.close();
});

test('whoever has signed in is known on a socket by the cookie, and may mutate there without the header', async () => {
  const member = await newMember(plane, 'ada@example.com', 'ORG_ADMIN');
  const { socket, received } = await signedInByCookie(member);
  const query = 'mutation { upsertTeam(input: {name: "by socket"}) { team { slug } } }';
  socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: { query } }));
  await eventually(() => received.find((text) => text.includes('"slug":"by-socket"')), 'the answer');
  socket.close();
});

test.each([{ origin: 'http://elsewhere.example' }, { origin: 'null' }, {}])('with the origin %j the cookie is nobody’s', async (headers) => {
  const { browser } = await newMember(plane, `${JSON.stringify(headers).length}@example.com`, 'ORG_ADMIN');
  const { socket, closed } = await open({ cookie: browser.cookie ?? '', ...headers });
  socket.send(JSON.stringify({ type: 'connection_init' }));
  expect((await closed).code).toBe(4401);
});

test.each([
  ['is removed', 'delete from memberships where user_id = $1', { code: 4403, reason: 'Token revoked' }],
  ['signs out elsewhere', 'delete from sessions where user_id = $1', { code: 4403, reason: 'Token revoked' }],
  ['gets a lesser role', `update memberships set role_id = 'USER' where user_id = $1`, { code: 4403, reason: 'Permissions withdrawn' }],
  [
    'has not done anything for too long',
    `update sessions set last_seen_at = now() - interval '1 day' where user_id = $1`,
    { code: 4410, reason: 'Token expired' },
  ],
])('the socket of somebody who %s is closed', async (what, change, how) => {
  const member = await newMember(plane, `${what.length}-${how.code}@example.com`, 'ORG_ADMIN');
  const { closed } = await signedInByCookie(member);
  await plane.database.query(change, [member.userId]);
  expect(await closed).toEqual(how);
});

test('nobody is signed in over a socket', async () => {
  const { socket, received } = await signedIn(plane.token);
  const query = 'mutation { signIn(input: {email: "a@example.com", password: "x"}) { user { id } } }';
  socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: { query } }));
  await eventually(() => received.find((text) => text.includes('this sets a cookie, and so goes over HTTP')), 'the refusal');
  socket.close();
});

/** A secret is given for one origin, and is never sent to another because the server moved. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestControlPlane, userErrorsOf, type TestControlPlane } from '../../support/control-plane.ts';

let plane: TestControlPlane;
let counter = 0;

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());

const HOME = 'https://tools.example.com/mcp';
const SIGNED_IN = [{ bearer: { token: 'canary' } }, { basic: { username: 'me', password: 'canary' } }, { apiKey: { header: 'X-Key', value: 'canary' } }];
const [BEARER] = SIGNED_IN;

async function newServer(auth?: Record<string, unknown>): Promise<string> {
  const server = await plane.admin.createServer({ name: `Moving ${++counter}`, transport: 'STREAMABLE_HTTP', endpointUrl: HOME, ...(auth && { auth }) });
  return server.id;
}

const move = (id: string, endpointUrl: string, more: Record<string, unknown> = {}) =>
  userErrorsOf(plane, 'updateServer', 'UpdateServerInput', { id, endpointUrl, ...more });
const signIn = (id: string, auth: Record<string, unknown>) => userErrorsOf(plane, 'setServerAuth', 'SetServerAuthInput', { id, auth });

/** Everything that a change would leave behind. */
const traces = () =>
  plane.database.query(
    `select (select json_agg(server order by id) from mcp_servers server)::text as servers, (select count(*) from audit_events) as events,
      (select count(*) from config_changes) as changes, (select version from config_version) as version`,
  );

describe('a server that signs in', () => {
  test.each([
    ['host', 'https://tools.example.net/mcp'],
    ['subdomain', 'https://evil.tools.example.com/mcp'],
    ['scheme', 'http://tools.example.com/mcp'],
    ['port', 'https://tools.example.com:8443/mcp'],
  ])('is not moved to another %s, and nothing is changed, audited or told to the data planes', async (_part, endpointUrl) => {
    const id = await newServer(BEARER);
    const before = await traces();
    const [error, ...others] = await move(id, endpointUrl, { name: 'Moved' });
    expect(error).toMatchObject({ field: ['endpointUrl'], code: 'CONFLICT' });
    expect(error?.hint).toContain('setServerAuth');
    expect(others).toEqual([]);
    expect(await traces()).toEqual(before);
  });

  test.each(SIGNED_IN)('is not moved whatever it signs in with: %j', async (auth) => {
    expect(await move(await newServer(auth), 'https://tools.example.net/mcp')).toMatchObject([{ code: 'CONFLICT' }]);
  });

  test('is told the same by a dry run', async () => {
    expect(await move(await newServer(BEARER), 'https://tools.example.net/mcp', { dryRun: true })).toMatchObject([{ code: 'CONFLICT' }]);
  });

  test.each(['https://tools.example.com/other?tenant=1', 'https://TOOLS.example.com:443/mcp'])('is moved within its origin, to %s', async (endpointUrl) => {
    const id = await newServer(BEARER);
    expect(await move(id, endpointUrl)).toEqual([]);
    const [row] = await plane.database.query(`select endpoint_url, auth->>'type' as type from mcp_servers where id = $1`, [id]);
    expect(row).toEqual({ endpoint_url: endpointUrl, type: 'BEARER' });
  });

  test('is moved once its secret was taken away, and signs in anew', async () => {
    const id = await newServer(BEARER);
    expect(await signIn(id, { none: true })).toEqual([]);
    expect(await move(id, 'https://tools.example.net/mcp')).toEqual([]);
    expect(await signIn(id, { bearer: { token: 'canary of the new place' } })).toEqual([]);
  });
});

test('a server that does not sign in is moved anywhere', async () => {
  expect(await move(await newServer(), 'http://tools.example.net:8080/mcp')).toEqual([]);
});

test('an endpoint that is none is refused as such, whoever signs in', async () => {
  expect(await move(await newServer(BEARER), 'not a url')).toMatchObject([{ field: ['endpointUrl'], code: 'INVALID' }]);
});

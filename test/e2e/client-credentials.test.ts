/** Servers that want tokens of Turnpike's own: they come by the feed, are renewed, and nothing is ever sent without one. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { MACHINE_CLIENT } from '../support/authorisation-server.ts';
import { refusalOf, toolCall } from '../support/gateway-client.ts';
import { startGuardedPlanes, type GuardedPlanes } from '../support/guarded-planes.ts';
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

const oauth2 = (given: Record<string, unknown> = {}) => ({
  oauth2: { mode: 'CLIENT_CREDENTIALS', tokenUrl: authority.tokenUrl, clientId: MACHINE_CLIENT.id, clientSecret: MACHINE_CLIENT.secret, ...given },
});
const governed = (slug: string, auth = oauth2()) => planes.governed({ slug, endpointUrl: upstream.url, auth });

describe('a server with client credentials', () => {
  test('is called with a token that was got once, and is not got again for each call', async () => {
    const { apiKey } = await governed('plain');
    for (let calls = 0; calls < 5; calls++) expect((await gateway.send('plain', { key: apiKey })).status).toBe(200);
    expect(new Set(upstream.authorisations).size).toBe(1);
    expect(authority.tokenRequests()).toBe(1);
  });

  test('gets one new token when the server refuses the old one, however many calls wait for it', async () => {
    const { apiKey, serverId } = await governed('revoked');
    expect((await gateway.send('revoked', { key: apiKey })).status).toBe(200);
    await planes.control.database.query(`update upstream_connections set fetched_at = now() - interval '1 minute' where mcp_server_id = $1`, [serverId]);
    authority.asked.length = 0;
    authority.revokeAll();
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, id) => gateway.send('revoked', { key: apiKey, body: toolCall('echo', { message: 'hi' }, id) })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 200));
    expect(authority.tokenRequests()).toBe(1);
    expect(upstream.authorisations).not.toContain(undefined);
  });

  test('is not called at all while no token can be had, and is as soon as one can', async () => {
    authority.isDown = true;
    const { apiKey } = await governed('away');
    const refused = await gateway.send('away', { key: apiKey });
    expect(refused.status).toBe(502);
    expect(refusalOf(refused).data).toMatchObject({ code: 'upstream_auth_error', reason: 'credentials_unavailable' });
    expect(upstream.authorisations).toEqual([]);
    authority.isDown = false;
    await eventually(async () => ((await gateway.send('away', { key: apiKey })).status === 200 ? true : undefined), 'a token');
    expect(upstream.authorisations).not.toContain(undefined);
  });
});

/** Every data plane gets what it may see: the whole, what it missed, and each change as it is committed. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { verifyChecksum } from '../../../data-plane/config/read-frame.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';
import { changesOf, followFeed, type FollowedFeed } from '../../support/feed-client.ts';
import { eventually } from '../../support/processes.ts';

let plane: TestControlPlane;
let token: string;
const followed: FollowedFeed[] = [];
let counter = 0;

beforeAll(async () => {
  plane = await startTestControlPlane();
  token = (await plane.newDataPlaneToken()).token;
});
afterEach(async () => {
  for (const feed of followed.splice(0)) await feed.close();
});
afterAll(() => plane?.close());

async function follow(since: string | null = null, by = token): Promise<FollowedFeed> {
  const feed = await followFeed(plane.url, by, { since });
  followed.push(feed);
  return feed;
}

const newServer = (admin = plane.admin) =>
  admin.createServer({ name: `Server ${++counter}`, transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/mcp' });

async function version(): Promise<string> {
  const [row] = await plane.database.query('select version::text as version from config_version');
  return String(row?.['version']);
}

describe('the whole comes first', () => {
  test('to a node that has nothing, with every entity as it stands and secrets sealed', async () => {
    const server = await newServer();
    await plane.admin.mutate('setServerAuth', 'SetServerAuthInput', { id: server.id, auth: { bearer: { token: 'canary-77aa' } } }, 'server { id }');
    const apiKey = await plane.admin.createApiKey();
    await plane.admin.grant(apiKey.id, server.id);
    const snapshot = await (await follow()).snapshot();
    expect(snapshot.version).toBe(await version());
    expect(snapshot.upserts.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['organisation', 'apiKey', 'mcpServer', 'accessGrant']));
    expect(snapshot.upserts.find(({ id }) => id === server.id)?.value).toMatchObject({ auth: { type: 'BEARER', token: { box: expect.any(String) } } });
    for (const secret of ['canary-77aa', apiKey.secret]) expect(JSON.stringify(snapshot)).not.toContain(secret);
  });

  test.each([
    ['a version that is ahead of the database', '999999999'],
    ['a version from before anything was written', '0'],
    ['a version that is none', '-5'],
  ])('to a node with %s', async (_what, since) => {
    expect((await (await follow(since)).snapshot()).version).toBe(await version());
  });

  test('in several parts when it is large, and all of it of one version', async () => {
    const organisationId = plane.organisationId;
    await plane.database.query(
      `insert into api_keys (id, organisation_id, type, name, prefix, hash) select 'key_bulk' || n, $1, 'ORGANISATION', 'bulk', 'vk_bulk' || n, 'hash' || n from generate_series(1, 2500) n`,
      [organisationId],
    );
    const snapshot = await (await follow()).snapshot();
    expect(snapshot.parts).toBeGreaterThan(2);
    expect(new Set(snapshot.upserts.filter(({ id }) => id.startsWith('key_bulk')).map(({ id }) => id)).size).toBe(2500);
    await plane.database.query(`delete from api_keys where id like 'key_bulk%'`);
  });

  test('to many nodes at once', async () => {
    const feeds = await Promise.all(Array.from({ length: 10 }, () => follow()));
    const snapshots = await Promise.all(feeds.map((feed) => feed.snapshot()));
    expect(new Set(snapshots.map(({ upserts }) => JSON.stringify(upserts))).size).toBe(1);
  });
});

describe('then what changes', () => {
  test('a node that is up to date hears at once that it is', async () => {
    expect(await (await follow(await version())).next()).toMatchObject({ kind: 'HEARTBEAT', version: await version() });
  });

  test('each change comes as a delta from the version before, with a checksum that fits', async () => {
    const feed = await follow();
    const { version: before } = await feed.snapshot();
    const server = await newServer();
    const frame = await feed.nextChange();
    verifyChecksum(frame);
    expect(frame).toMatchObject({ kind: 'DELTA', version: await version(), payload: { from: before } });
    expect(changesOf(frame)).toMatchObject([{ op: 'upsert', kind: 'mcpServer', id: server.id }]);
  });

  test('a node that was away gets everything that it missed, once and in its order', async () => {
    const since = await version();
    const [first, second] = [await newServer(), await newServer()];
    await plane.admin.mutate('setServerEnabled', 'SetEnabledInput', { id: first.id, enabled: false }, 'server { id }');
    const feed = await follow(since);
    const frame = await feed.nextChange();
    expect(frame).toMatchObject({ kind: 'DELTA', version: await version(), payload: { from: since } });
    expect(changesOf(frame).map(({ id, value }) => [id, value?.['enabled']])).toEqual([
      [first.id, true],
      [second.id, true],
      [first.id, false],
    ]);
    await newServer();
    expect(await feed.nextChange()).toMatchObject({ kind: 'DELTA', payload: { from: frame.version } });
  });

  test('a burst comes in few deltas, and nothing of it is missing', async () => {
    const feed = await follow();
    await feed.snapshot();
    const servers = await Promise.all(Array.from({ length: 40 }, () => newServer()));
    const seen: string[] = [];
    let frames = 0;
    while (seen.length < servers.length) {
      seen.push(...changesOf(await feed.nextChange()).map(({ id }) => id));
      frames++;
    }
    expect(seen.toSorted()).toEqual(servers.map(({ id }) => id).toSorted());
    expect(frames).toBeLessThan(servers.length / 2);
  });

  test('a node that was away for longer than changes are kept gets the whole again', async () => {
    const since = await version();
    await newServer();
    await newServer();
    await plane.database.query('delete from config_changes where version <= $1', [BigInt(since) + 1n]);
    expect((await (await follow(since)).snapshot()).version).toBe(await version());
  });

  test('a change that no data plane of today can read is passed on as it is, for them to refuse', async () => {
    const feed = await follow();
    await feed.snapshot();
    await appendRaw({ op: 'upsert', kind: 'spell', value: { id: 'spl_1', power: 9 } });
    expect(changesOf(await feed.nextChange())).toMatchObject([{ kind: 'spell', value: { power: 9 } }]);
    await plane.database.query(`delete from config_changes where change ->> 'kind' = 'spell'`);
  });
});

describe('who may follow', () => {
  test('an administrator may not, and neither may a node follow in another one’s name', async () => {
    await expect(followFeed(plane.url, plane.token)).rejects.toThrow();
    const other = await plane.newDataPlaneToken();
    await follow(null, other.token);
    const [row] = await plane.database.query('select id from data_planes where token_id = $1', [other.id]);
    const stranger = await followFeed(plane.url, token, { dataPlaneId: String(row?.['id']) });
    followed.push(stranger);
    await expect(stranger.next()).rejects.toThrow('this needs data plane');
  });

  test('a token of one organisation sees nothing of another one, neither in the whole nor in what changes', async () => {
    const [mine, theirs] = [await plane.newOrganisation('mine'), await plane.newOrganisation('theirs')];
    const scoped = await plane.newDataPlaneToken();
    await plane.database.query('update data_plane_tokens set organisation_ids = $1 where id = $2', [[mine.organisationId], scoped.id]);
    const before = [await newServer(mine.admin), await newServer(theirs.admin)];
    const feed = await follow(null, scoped.token);
    const { upserts } = await feed.snapshot();
    // What the keys are hashed with belongs to the installation, and is sealed.
    expect(upserts.map(({ id }) => id)).toEqual(['installation', mine.organisationId, before[0]?.id]);
    const hidden = await newServer(theirs.admin);
    const shown = await newServer(mine.admin);
    const changes: string[] = [];
    while (!changes.includes(shown.id)) changes.push(...changesOf(await feed.nextChange()).map(({ id }) => id));
    expect(changes).not.toContain(hidden.id);
  });

  test('a token that is revoked stops hearing of changes', async () => {
    const doomed = await plane.newDataPlaneToken();
    const feed = await follow(null, doomed.token);
    await feed.snapshot();
    await plane.database.query('update data_plane_tokens set revoked_at = now() where id = $1', [doomed.id]);
    const ended = feed.ended();
    await newServer();
    await ended;
  });
});

test('after PostgreSQL ended the connection that listens, changes go on arriving', async () => {
  const feed = await follow();
  await feed.snapshot();
  await plane.database.query(`select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen %'`);
  await eventually(() => (plane.log().includes('the connection for notifications was lost') ? true : undefined), 'the loss being noticed');
  const server = await newServer();
  expect(changesOf(await feed.nextChange()).map(({ id }) => id)).toContain(server.id);
});

async function appendRaw(change: unknown): Promise<void> {
  await plane.database.query(
    `with next as (update config_version set version = version + 1 returning version),
       logged as (insert into config_changes (version, position, organisation_id, change) select version, 0, null, $1::jsonb from next)
     select pg_notify('turnpike_config', version::text) from next`,
    [JSON.stringify(change)],
  );
}

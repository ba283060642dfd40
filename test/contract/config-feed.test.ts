/** The configuration feed between the real planes: what is committed comes into force, whatever happens on the way. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { startConfig, type RunningConfig } from '../../data-plane/config/start-config.ts';
import { systemClock } from '../../shared/clock.ts';
import { SecretSealer } from '../../shared/sealed-secret.ts';
import { SecretKey } from '../../shared/secret-key.ts';
import { AdminClient } from '../support/admin-client.ts';
import { startTestControlPlane, type TestControlPlane } from '../support/control-plane.ts';
import { eventually } from '../support/processes.ts';
import { recordingLog } from '../support/recording-log.ts';
import { startTcpRelay, type TcpRelay } from '../support/tcp-relay.ts';

const TIMING = { silenceMillisMax: 12_000, helloMillis: 200, retryMillisMin: 5, retryMillisMax: 50 };
const nodeSchema = z.object({ name: z.string(), configVersion: z.string(), configLag: z.string(), refusedReason: z.string().nullable(), inFlight: z.int() });

let plane: TestControlPlane;
let relay: TcpRelay;
let token: string;
let directory: string;
let config: RunningConfig;
let counter = 0;

beforeAll(async () => {
  plane = await startTestControlPlane();
  token = (await plane.newDataPlaneToken()).token;
});
afterAll(() => plane?.close());

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'turnpike-feed-'));
  relay = await startTcpRelay(plane.url);
  config = await start();
});
afterEach(async () => {
  await config?.close();
  await relay?.close();
  await rm(directory, { recursive: true, force: true });
});

function start(given: { secretKey?: string; silenceMillisMax?: number } = {}): Promise<RunningConfig> {
  const secretKey = new SecretKey(given.secretKey ?? plane.settings.secretKey);
  return startConfig({
    controlPlaneUrl: relay.url,
    token,
    sealer: new SecretSealer(secretKey),
    secretKey,
    dataDirectory: directory,
    clock: systemClock,
    log: recordingLog().log,
    version: 'test',
    nodeName: 'node:1',
    describeNode: () => ({ ready: true, inFlight: 7, endpoints: ['http://127.0.0.1:8080'] }),
    timing: { ...TIMING, ...(given.silenceMillisMax === undefined ? {} : { silenceMillisMax: given.silenceMillisMax }) },
  });
}

const newServer = (input: Record<string, unknown> = {}) =>
  plane.admin.createServer({ name: `Server ${++counter}`, transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/mcp', ...input });
const governed = (id: string) => config.store.current()?.servers.get(plane.organisationId)?.get(id);
const inForce = (id: string) => eventually(() => governed(id), 'the server being in force');
const bump = () =>
  plane.database.query(
    `with next as (update config_version set version = version + 1 returning version) select pg_notify('turnpike_config', version::text) from next`,
  );

async function node(): Promise<z.infer<typeof nodeSchema>> {
  const { dataPlanes } = await plane.admin.query('{ dataPlanes { name configVersion configLag refusedReason inFlight } }');
  const [found] = z.array(nodeSchema).parse(dataPlanes);
  if (found === undefined) throw new Error('the node is not listed');
  return found;
}

const settled = () => eventually(async () => ((await node()).configLag === '0' ? node() : undefined), 'the node having everything');

describe('a committed change', () => {
  test('comes into force with its secrets open and its rules ready, and is acknowledged', async () => {
    const { id } = await newServer({ auth: { bearer: { token: 'hush' } }, blockedTools: ['delete_file'] });
    const server = await inForce(id);
    expect(server.upstreamAuthHeaders).toEqual(['authorization', 'Bearer hush']);
    expect(server.toolRules.verdictOn('delete_file')).toBe('blocked_tool');
    expect(await settled()).toMatchObject({ configVersion: config.store.current()?.version, refusedReason: null });
    expect(await eventually(async () => ((await node()).inFlight === 7 ? true : undefined), 'the node saying how it is')).toBe(true);
  });

  test('of a key: creating, rotating and revoking it, down to no keys at all', async () => {
    const apiKey = await plane.admin.createApiKey();
    const states = () => [...(config.store.current()?.keysByHash.values() ?? [])].map(({ key }) => `${key.id} ${key.state}`);
    await eventually(() => (states().includes(`${apiKey.id} ACTIVE`) ? true : undefined), 'the key being in force');
    await plane.admin.mutate('revokeApiKey', 'IdInput', { id: apiKey.id }, 'apiKey { id }');
    await eventually(() => (states().includes(`${apiKey.id} ACTIVE`) ? undefined : true), 'the revocation being in force');
    await plane.database.query('delete from access_grants');
    await plane.database.query('delete from api_keys');
    await plane.database.query('delete from config_changes');
    await bump();
    await eventually(() => (config.store.current()?.keysByHash.size === 0 ? true : undefined), 'no keys being in force');
  });

  test('in a storm of changes: all of them are in force in the end', async () => {
    await settled();
    const { id } = await newServer();
    // One caller may ask for no more than 64 operations at once.
    const admins = [plane.admin, new AdminClient(plane.graphqlUrl, (await plane.newAdminToken()).token)];
    const changes = admins.flatMap((admin, caller) =>
      Array.from({ length: 50 }, (_, index) =>
        admin.mutate('setToolRules', 'SetToolRulesInput', { id, allowedTools: [], blockedTools: [`tool_${caller}_${index}`] }, 'server { id }'),
      ),
    );
    await Promise.all(changes);
    await settled();
    const [row] = await plane.database.query('select blocked_tools from mcp_servers where id = $1', [id]);
    expect(governed(id)?.config.blockedTools).toEqual(row?.['blocked_tools']);
  });
});

describe('the way there', () => {
  test('is cut: the configuration stays in force, and what was missed arrives afterwards', async () => {
    const before = await newServer();
    await inForce(before.id);
    relay.cut();
    const missed = await newServer();
    expect(governed(before.id)).toBeDefined();
    expect(governed(missed.id)).toBeUndefined();
    relay.heal();
    await inForce(missed.id);
    await settled();
  });

  test('falls silent without a sign: it is noticed, and a new one is made', async () => {
    await config.close();
    config = await start({ silenceMillisMax: 800 });
    await eventually(() => config.store.current(), 'the configuration');
    relay.swallow();
    const { id } = await newServer();
    await inForce(id);
  });

  test('is not there when the node starts: it serves the last known good, and takes what is new when it can', async () => {
    const { id } = await newServer({ auth: { bearer: { token: 'hush' } } });
    await inForce(id);
    await config.close();
    relay.cut();
    config = await start();
    expect(governed(id)?.upstreamAuthHeaders).toEqual(['authorization', 'Bearer hush']);
    const later = await newServer();
    relay.heal();
    await inForce(later.id);
  });

  test('is not there and neither is the right key: there is no configuration', async () => {
    await eventually(() => config.store.current(), 'the configuration');
    await config.close();
    relay.cut();
    config = await start({ secretKey: Buffer.from('another secret key, also long enough').toString('base64') });
    expect(config.store.current()).toBeUndefined();
  });

  test('a node can be stopped while it cannot connect', async () => {
    relay.cut();
    await config.close();
    config = await start();
  });
});

describe('a configuration that cannot be obeyed', () => {
  test('is refused with a reason that administrators see, until it is mended', async () => {
    const { id } = await newServer();
    await inForce(id);
    await plane.database.query(`update mcp_servers set auth = '{"type":"MAGIC"}' where id = $1`, [id]);
    await plane.database.query('delete from config_changes');
    await bump();
    const refused = await eventually(async () => ((await node()).refusedReason === null ? undefined : node()), 'the refusal');
    expect(refused.refusedReason).toContain(`(mcpServer ${id}): value.auth.type`);
    expect(governed(id)?.config.auth).toEqual({ type: 'NONE' });
    await plane.admin.mutate('setServerAuth', 'SetServerAuthInput', { id, auth: { bearer: { token: 'mended' } } }, 'server { id }');
    expect(await settled()).toMatchObject({ refusedReason: null });
    expect(governed(id)?.upstreamAuthHeaders).toEqual(['authorization', 'Bearer mended']);
  });

  test('by a delta alone is mended by the snapshot', async () => {
    await settled();
    await plane.database.query(
      `with next as (update config_version set version = version + 1 returning version)
       insert into config_changes (version, position, change) select version, 0, '{"op":"upsert","kind":"spell"}' from next`,
    );
    await plane.database.query(`select pg_notify('turnpike_config', '')`);
    await settled();
    expect((await node()).refusedReason).toBeNull();
  });
});

test('after the database was put back to an older version, the node obeys what it says now', async () => {
  await settled();
  await plane.database.query('update config_version set version = 3');
  await plane.database.query('delete from config_changes');
  relay.cut();
  relay.heal();
  await eventually(() => (config.store.current()?.version === '3' ? true : undefined), 'the older version being in force');
});

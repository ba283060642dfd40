/** A secret key is replaced while Turnpike runs: killed in the middle, run again, and afterwards the new key does alone. */
import { createCipheriv, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { rotateStoredSecrets } from '../../bin/secrets-rotate.ts';
import { startControlPlane } from '../../control-plane/application.ts';
import { AUDIT_HEADS_FILE, HeadSigner } from '../../control-plane/audit/audit-heads.ts';
import { startDataPlane } from '../../data-plane/gateway.ts';
import { readDataPlaneSettings } from '../../data-plane/settings.ts';
import { newId } from '../../shared/ids.ts';
import { SecretKey } from '../../shared/secret-key.ts';
import { SecretSealer, type SealedSecret } from '../../shared/sealed-secret.ts';
import { AdminClient } from '../support/admin-client.ts';
import { emptyStores } from '../support/control-plane.ts';
import { GatewayClient } from '../support/gateway-client.ts';
import { startMcpUpstream, type McpUpstream } from '../support/mcp-upstream.ts';
import { startTestPlanes, type TestPlanes } from '../support/planes.ts';
import { eventually, ROOT, startProgram } from '../support/processes.ts';

const NEW_KEY = randomBytes(32).toString('base64');
/** Enough for the command to be killed among them. */
const SERVERS = 800;
let planes: TestPlanes;
let upstream: McpUpstream;
let directory: string;

beforeAll(async () => {
  // Data planes know the new key before anything is sealed with it.
  [planes, upstream] = await Promise.all([startTestPlanes({ TURNPIKE_OLD_SECRET_KEYS: NEW_KEY }), startMcpUpstream()]);
  directory = await mkdtemp(join(tmpdir(), 'turnpike-rotation-'));
});

afterAll(async () => {
  await planes.close();
  await upstream.close();
  await rm(directory, { recursive: true, force: true });
});

const environmentOf = (oldKeys: string) => ({
  DATABASE_URL: planes.control.settings.databaseUrl,
  TURNPIKE_DATA_DIR: planes.control.settings.dataDirectory,
  TURNPIKE_SECRET_KEY: NEW_KEY,
  TURNPIKE_OLD_SECRET_KEYS: oldKeys,
});

/** As the command does it, without the time that a program takes to start. */
async function rotated(oldKeys: string): Promise<{ isDone: boolean; output: string }> {
  let output = '';
  const isDone = await rotateStoredSecrets(environmentOf(oldKeys), (text) => void (output += text));
  return { isDone, output };
}

/** As secrets were sealed before each had a data key of its own. */
function sealedTheOldWay(key: SecretKey, secret: string, place: { organisationId: string; ownerId: string; field: string }): SealedSecret {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key.derive('sealed-secrets'), nonce);
  cipher.setAAD(Buffer.from(JSON.stringify([place.organisationId, place.ownerId, place.field])));
  return { keyId: key.id, box: Buffer.concat([nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()]).toString('base64') };
}

/** Copies of one server, each with a token of its own; every other one is sealed the old way. */
async function addServers(likeId: string): Promise<void> {
  const key = new SecretKey(planes.control.settings.secretKey);
  const sealer = new SecretSealer(key);
  const copies = Array.from({ length: SERVERS }, (_, index) => {
    const id = newId('mcpServer');
    const place = { organisationId: planes.control.organisationId, ownerId: id, field: 'auth.token' };
    const token = index % 2 === 0 ? sealer.seal(`token-${index}`, place) : sealedTheOldWay(key, `token-${index}`, place);
    return { id, slug: `copy-${index}`, auth: { type: 'BEARER', token } };
  });
  await planes.control.database.query(
    `insert into mcp_servers select copy.* from mcp_servers, jsonb_array_elements($1::jsonb) as given, jsonb_populate_record(mcp_servers, given) as copy where mcp_servers.id = $2`,
    [JSON.stringify(copies), likeId],
  );
}

/** How many tokens of servers the audit trail says to be put under the key, and how many are under it, in one moment. */
async function toldAndDone(keyId: string): Promise<unknown> {
  const [counts] = await planes.control.database.query(
    `select (select coalesce(sum((after -> 'valuesByKey' ->> $1)::integer), 0)::integer from audit_events where action = 'rotateSecrets' and target_id = 'mcp_servers') as told,
       (select count(*)::integer from mcp_servers where auth -> 'token' ->> 'keyId' = $1) as done`,
    [keyId],
  );
  return counts;
}

/** Names of columns that name the key, in the whole database. */
async function columnsWith(keyId: string): Promise<string[]> {
  const columns = z
    .array(z.object({ table: z.string(), column: z.string() }))
    .parse(
      await planes.control.database.query(
        `select table_name as table, column_name as column from information_schema.columns where table_schema = 'public' and data_type in ('json', 'jsonb', 'text')`,
      ),
    );
  const looks = columns.map(
    ({ table, column }) => `select '${table}.${column}' as place where exists (select from "${table}" where "${column}"::text like $1)`,
  );
  const found = await planes.control.database.query(looks.join(' union all '), [`%"${keyId}"%`]);
  return found.map(({ place }) => String(place)).toSorted();
}

test('everything opens with the new key alone, calls go on meanwhile, and the old key is nowhere any more', async () => {
  const oldKey = planes.control.settings.secretKey;
  const oldId = new SecretKey(oldKey).id;
  const { apiKey, serverId } = await planes.governed({ slug: 'held', endpointUrl: upstream.url, auth: { bearer: { token: 'upstream-token' } } });
  const isCalled = async (url: string) => (await new GatewayClient(url).send('held', { key: apiKey })).status;
  expect(await isCalled(planes.dataUrl)).toBe(200);
  await addServers(serverId);

  const headsFile = join(planes.control.settings.dataDirectory, AUDIT_HEADS_FILE);
  const head = { organisationId: planes.control.organisationId, position: '7', hash: 'h', at: '2026-01-01T00:00:00.000Z' };
  await writeFile(headsFile, `${JSON.stringify(new HeadSigner(new SecretKey(oldKey)).sign(head))}\n`);

  await expect(rotated('')).rejects.toThrow('is not the one that this database was made with');

  const killed = startProgram(process.execPath, [join(ROOT, 'bin/turnpike.mjs'), 'secrets', 'rotate'], environmentOf(oldKey));
  await eventually(() => (killed.output().includes('mcp_servers') ? true : undefined), 'the first batch');
  expect(await killed.stop('SIGKILL')).toBe('SIGKILL');
  expect(await columnsWith(oldId)).toContain('mcp_servers.auth');
  const { told, done } = z.object({ told: z.number(), done: z.number() }).parse(await toldAndDone(new SecretKey(NEW_KEY).id));
  expect(done).toBeGreaterThan(0);
  expect(told).toBe(done);
  expect(await isCalled(planes.dataUrl)).toBe(200);

  const { output } = await eventually(async () => {
    const done = await rotated(oldKey);
    expect(done.output).toContain('Everything is sealed with the key in use');
    return done.isDone ? done : undefined;
  }, 'every data plane having the configuration');
  expect(output).toContain('the old ones can be taken away');
  expect(output).not.toContain(`key ${oldId}`);
  // The audit trail names it, and holds nothing that it has sealed.
  expect(await columnsWith(oldId)).toEqual(['audit_events.before']);
  expect(await toldAndDone(new SecretKey(NEW_KEY).id)).toEqual({ told: SERVERS + 1, done: SERVERS + 1 });
  // The control plane may have added others meanwhile.
  const [firstHead = ''] = (await readFile(headsFile, 'utf8')).split('\n');
  expect(new HeadSigner(new SecretKey(NEW_KEY)).read(firstHead)).toMatchObject({ position: '7' });
  expect(await isCalled(planes.dataUrl)).toBe(200);
  expect(upstream.seen.at(-1)?.headers.authorization).toBe('Bearer upstream-token');

  const control = await startControlPlane(
    { ...planes.control.settings, secretKey: NEW_KEY, oldSecretKeys: undefined },
    { log: pino({ level: 'silent' }), ...emptyStores() },
  );
  onTestFinished(() => control.close());
  const [server] = z
    .tuple([z.object({ slug: z.string() })])
    .parse(await new AdminClient(`${control.url}/graphql`, planes.control.token).query('{ server(slug: "held") { slug } }').then(({ server }) => [server]));
  expect(server.slug).toBe('held');
  const settings = readDataPlaneSettings({
    DATA_PLANE_PORT: '0',
    TURNPIKE_DATA_DIR: directory,
    TURNPIKE_SECRET_KEY: NEW_KEY,
    CONTROL_PLANE_URL: control.url,
    DATA_PLANE_TOKEN: (await planes.control.newDataPlaneToken()).token,
  });
  const node = await startDataPlane(settings, { log: pino({ level: 'silent' }), counters: planes.control.counters });
  onTestFinished(() => node.close(0));
  await eventually(async () => ((await isCalled(node.url)) === 200 ? true : undefined), 'a node with the new key alone');
  expect(upstream.seen.at(-1)?.headers.authorization).toBe('Bearer upstream-token');
}, 120_000);

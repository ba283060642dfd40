/** What is on disk is the last configuration that worked, or it is not used. */
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ConfigState } from '../../../data-plane/config/config-state.ts';
import { LastKnownGood } from '../../../data-plane/config/last-known-good.ts';
import { newId } from '../../../shared/ids.ts';
import { SecretKey } from '../../../shared/secret-key.ts';
import { TokenHasher } from '../../../shared/token.ts';
import { contentOf, stateOf, testSealer, testSecretKey } from '../../support/config-frames.ts';
import { recordingLog } from '../../support/recording-log.ts';
import { accessGrant, apiKey, mcpServer, organisation, snapshotOf } from '../../support/domain.ts';

const acme = organisation();
const { key, token } = apiKey(acme.id, new TokenHasher(testSecretKey.derive('token-hash')));
const serverId = newId('mcpServer');
const secret = testSealer.seal('canary-5b1e', { organisationId: acme.id, ownerId: serverId, field: 'auth.token' });
const server = mcpServer(acme.id, { id: serverId, auth: { type: 'BEARER', token: secret } });
const upserts = snapshotOf({ organisations: [acme], apiKeys: [key], mcpServers: [server], accessGrants: [accessGrant(key, server)] });

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'turnpike-known-'));
  file = join(directory, 'data-plane', 'last-known-good');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function save(...states: ConfigState[]): Promise<void> {
  for (const state of states) {
    const disk = new LastKnownGood(testSecretKey, directory, recordingLog().log);
    disk.save({ state, receivedAtMillis: Number(state.snapshot.version) * 1000 });
    await disk.close();
  }
}

async function load(secretKey = testSecretKey) {
  const { log, lines } = recordingLog();
  const good = await new LastKnownGood(secretKey, directory, log).load(testSealer);
  return { good, warnings: lines.filter((line) => line.includes('cannot be used')) };
}

test('what was saved comes back whole, with the age that it had', async () => {
  const state = await stateOf('4', upserts);
  await save(state);
  const { good, warnings } = await load();
  expect(good === undefined ? undefined : contentOf(good.state)).toEqual(contentOf(state));
  expect(good?.receivedAtMillis).toBe(4000);
  expect(warnings).toEqual([]);
});

test('without a file there is no configuration, and nothing to complain about', async () => {
  expect(await load()).toEqual({ good: undefined, warnings: [] });
});

test('nobody but its owner may read the file, and it shows neither keys, hashes nor names', async () => {
  await save(await stateOf('4', upserts));
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await stat(join(directory, 'data-plane'))).mode & 0o777).toBe(0o700);
  const content = (await readFile(file)).toString('latin1');
  for (const shown of ['canary-5b1e', token, key.prefix, key.hashes[0]?.hash ?? '', server.name, acme.id]) expect(content).not.toContain(shown);
});

test('two generations are kept, and nothing else is left behind', async () => {
  await save(await stateOf('4', upserts), await stateOf('5', upserts), await stateOf('6', upserts));
  expect((await readdir(join(directory, 'data-plane'))).toSorted()).toEqual(['last-known-good', 'last-known-good.previous']);
});

test('of states that come while one is written only the last is written', async () => {
  const disk = new LastKnownGood(testSecretKey, directory, recordingLog().log);
  for (let version = 1; version <= 50; version++) disk.save({ state: await stateOf(String(version), []), receivedAtMillis: 1 });
  await disk.close();
  expect((await load()).good?.state.snapshot.version).toBe('50');
});

test('a configuration that nobody changes does not grow old on disk while the control plane confirms it', async () => {
  const state = await stateOf('4', upserts);
  const disk = new LastKnownGood(testSecretKey, directory, recordingLog().log);
  disk.save({ state, receivedAtMillis: 0 });
  disk.confirm({ state, receivedAtMillis: 3_600_000 });
  disk.confirm({ state, receivedAtMillis: 3_600_001 });
  disk.confirm({ state, receivedAtMillis: 3_700_000 });
  await disk.close();
  expect((await load()).good?.receivedAtMillis).toBe(3_600_001);
});

describe('a file that cannot be trusted is refused with a line in the log, and the generation before it is used:', () => {
  const damages: [string, (content: Buffer) => Buffer][] = [
    ['empty', () => Buffer.alloc(0)],
    ['cut short by a byte', (content) => content.subarray(0, -1)],
    ['cut short by half', (content) => content.subarray(0, content.length / 2)],
    ['longer by a byte', (content) => Buffer.concat([content, Buffer.of(0)])],
    ...[0, 5, 20, 100, -1, -10].map((at): [string, (content: Buffer) => Buffer] => [`a bit flipped at ${at}`, (content) => flipped(content, at)]),
  ];

  test.each(damages)('%s', async (_what, damage) => {
    await save(await stateOf('4', upserts), await stateOf('5', upserts));
    await writeFile(file, damage(await readFile(file)));
    const { good, warnings } = await load();
    expect(good?.state.snapshot.version).toBe('4');
    expect(warnings).toHaveLength(1);
  });

  test('missing', async () => {
    await save(await stateOf('4', upserts), await stateOf('5', upserts));
    await rm(file);
    expect((await load()).good?.state.snapshot.version).toBe('4');
  });

  test('holding what this version does not know', async () => {
    await save(await stateOf('4', upserts));
    const state = await stateOf('5', upserts);
    const strange = Object.assign({}, acme, { id: 'org_x', magic: true });
    const organisations = (await stateOf('5', [{ op: 'upsert', kind: 'organisation', value: acme }])).entities.organisation;
    const [bucket] = organisations.buckets.filter((some) => some !== undefined);
    if (bucket instanceof Map) bucket.set(strange.id, strange);
    await save({ ...state, entities: { ...state.entities, organisation: organisations } });
    const { good, warnings } = await load();
    expect(good?.state.snapshot.version).toBe('4');
    expect(warnings[0]).toContain('magic');
  });

  test('sealed by another key: neither generation opens', async () => {
    await save(await stateOf('4', upserts), await stateOf('5', upserts));
    const { good, warnings } = await load(new SecretKey(Buffer.from('another secret key, also long enough').toString('base64')));
    expect(good).toBeUndefined();
    expect(warnings).toHaveLength(2);
  });
});

function flipped(content: Buffer, at: number): Buffer {
  const changed = Buffer.from(content);
  const index = at < 0 ? content.length + at : at;
  changed[index] = (changed[index] ?? 0) ^ 1;
  return changed;
}

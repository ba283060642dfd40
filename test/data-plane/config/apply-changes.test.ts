/** Changes make the next configuration or nothing, and the one in force is never touched. */
import { describe, expect, test, vi } from 'vitest';
import { applyDelta, SnapshotBuild, SnapshotIntake } from '../../../data-plane/config/apply-changes.ts';
import { EMPTY_STATE, type ConfigState } from '../../../data-plane/config/config-state.ts';
import { PartPacker } from '../../../shared/config-parts.ts';
import { GLOBAL_OWNER } from '../../../shared/policy.ts';
import { TokenHasher } from '../../../shared/token.ts';
import { contentOf, deltaFrame, frameOf, snapshotFrames, stateOf, testSealer, testSecretKey } from '../../support/config-frames.ts';
import { accessGrant, apiKey, limit, mcpServer, organisation, policy, snapshotOf } from '../../support/domain.ts';

const hasher = new TokenHasher(testSecretKey.derive('token-hash'));
const acme = organisation();
const { key } = apiKey(acme.id, hasher);
const server = mcpServer(acme.id);
const grant = accessGrant(key, server);
const base = snapshotOf({ organisations: [acme], apiKeys: [key], mcpServers: [server], accessGrants: [grant] });

async function applied(state: ConfigState, ...changes: unknown[]): Promise<ConfigState> {
  const { version } = state.snapshot;
  const next = await applyDelta(state, deltaFrame(version, String(Number(version) + 1), changes), testSealer);
  if (next === undefined) throw new Error('the delta follows');
  return next;
}

const refusalOf = (...changes: unknown[]) =>
  stateOf('1', base)
    .then((state) => applied(state, ...changes))
    .then(
      () => 'it was applied',
      (error: unknown) => (error instanceof Error ? `${error.name}: ${error.message}` : 'unknown'),
    );

describe('what is in force', () => {
  test('a server is found by its id and by its slug, in its organisation alone', async () => {
    const { snapshot } = await stateOf('1', base);
    expect(snapshot.servers.get(acme.id)?.get(server.id)).toBe(snapshot.servers.get(acme.id)?.get(server.slug));
    expect(snapshot.servers.get('org_other')).toBeUndefined();
  });

  test('an empty snapshot is a valid configuration that knows nobody', async () => {
    const { snapshot } = await stateOf('7', [], await stateOf('1', base));
    expect(snapshot).toMatchObject({ version: '7', keysByHash: { size: 0 }, grants: { size: 0 } });
  });

  test('a rotated key is found by both hashes, each until its own end', async () => {
    const rotated = {
      ...key,
      hashes: [
        { hash: 'new', validUntilMillis: null },
        { hash: 'old', validUntilMillis: 99 },
      ],
    };
    const { snapshot } = await applied(await stateOf('1', base), { op: 'upsert', kind: 'apiKey', value: rotated });
    expect(snapshot.keysByHash.get('new')).toMatchObject({ validUntilMillis: null });
    expect(snapshot.keysByHash.get('old')).toMatchObject({ validUntilMillis: 99 });
    expect(snapshot.keysByHash.get(key.hashes[0]?.hash ?? '')).toBeUndefined();
  });

  test('removing the last key leaves no keys', async () => {
    const { snapshot } = await applied(await stateOf('1', base), { op: 'remove', kind: 'apiKey', id: key.id });
    expect(snapshot.keysByHash.size).toBe(0);
  });

  test('a server that changes its slug is not found by the old one', async () => {
    const { snapshot } = await applied(await stateOf('1', base), { op: 'upsert', kind: 'mcpServer', value: { ...server, slug: 'renamed' } });
    expect([...(snapshot.servers.get(acme.id)?.keys() ?? [])].toSorted()).toEqual(['renamed', server.id].toSorted());
  });

  test('a policy that takes the place of another one stays when the other one is removed', async () => {
    const [first, second] = [1, 2].map((max) =>
      policy(acme.id, { scope: 'ORGANISATION', ownerId: acme.id, envelope: { policies: { ratelimit: { concurrency: { max } } } } }),
    );
    const state = await applied(await stateOf('1', base), { op: 'upsert', kind: 'policy', value: first });
    const { snapshot } = await applied(state, { op: 'upsert', kind: 'policy', value: second }, { op: 'remove', kind: 'policy', id: first?.id });
    expect(snapshot.policies.get(acme.id)).toMatchObject({ id: second?.id, rules: { leases: [{ max: 2 }] } });
  });

  test('a grant that takes the place of another one stays when the other one is removed', async () => {
    const again = accessGrant(key, server);
    const { snapshot } = await applied(
      await stateOf('1', base),
      { op: 'upsert', kind: 'accessGrant', value: again },
      { op: 'remove', kind: 'accessGrant', id: grant.id },
    );
    expect(snapshot.grants.get(key.id)?.get(server.id)?.id).toBe(again.id);
  });

  test('the global policy belongs to nobody and is found as the global one', async () => {
    const global = { ...policy(acme.id, { scope: 'GLOBAL', ownerId: null, envelope: { policies: {} } }), organisationId: null };
    const { snapshot } = await applied(await stateOf('1', base), { op: 'upsert', kind: 'policy', value: global });
    expect(snapshot.policies.get(GLOBAL_OWNER)?.id).toBe(global.id);
  });

  test('a grant of a key and a server that nobody knows harms nobody', async () => {
    const { snapshot } = await applied(await stateOf('1', base), {
      op: 'upsert',
      kind: 'accessGrant',
      value: { ...grant, id: 'grt_x', apiKeyId: 'key_x', mcpServerId: 'srv_x' },
    });
    expect(snapshot.grants.get('key_x')?.get('srv_x')).toBeDefined();
    expect(snapshot.servers.get(acme.id)?.get('srv_x')).toBeUndefined();
  });

  test('what a delta does not touch is shared with the state before, and that one stays as it was', async () => {
    const before = await stateOf('1', base);
    const content = contentOf(before);
    const after = await applied(before, { op: 'remove', kind: 'accessGrant', id: grant.id });
    expect(after.snapshot.servers).toBe(before.snapshot.servers);
    expect(after.snapshot.keysByHash).toBe(before.snapshot.keysByHash);
    expect(contentOf(before)).toEqual(content);
  });

  test('a server that is the same in a new snapshot keeps its compiled form, whatever the order of its fields', async () => {
    const before = await stateOf('1', base);
    const reordered = Object.fromEntries(Object.entries(server).toReversed());
    const after = await stateOf('2', [{ op: 'upsert', kind: 'mcpServer', value: reordered }], before);
    expect(after.snapshot.servers.get(acme.id)?.get(server.id)).toBe(before.snapshot.servers.get(acme.id)?.get(server.id));
  });
});

describe('what is refused', () => {
  test.each([
    [
      'a field of the wrong type',
      { op: 'upsert', kind: 'mcpServer', value: { ...server, enabled: 'yes' } },
      `ConfigFault: changes.0 (mcpServer ${server.id}): value.enabled: `,
    ],
    [
      'a field that is missing',
      { op: 'upsert', kind: 'apiKey', value: { ...key, hashes: undefined } },
      `ConfigFault: changes.0 (apiKey ${key.id}): value.hashes: `,
    ],
    [
      'a field that nobody knows',
      { op: 'upsert', kind: 'apiKey', value: { ...key, extra: 1 } },
      `ConfigFault: changes.0 (apiKey ${key.id}): value: Unrecognized key: "extra"`,
    ],
    ['a kind that nobody knows', { op: 'upsert', kind: 'spell', value: { id: 'x' } }, 'ConfigFault: changes.0 (spell x): kind: '],
    ['the removal of a kind that nobody knows', { op: 'remove', kind: 'spell', id: 'x' }, 'ConfigFault: changes.0 (spell x): kind: '],
    ['something that is no change', null, 'ConfigFault: changes.0: '],
    [
      'a slug that is taken',
      { op: 'upsert', kind: 'mcpServer', value: mcpServer(acme.id, { id: 'srv_2' }) },
      `ConfigFault: mcpServer srv_2: the slug tools is taken by ${server.id}`,
    ],
    [
      'the hash of another key',
      { op: 'upsert', kind: 'apiKey', value: { ...key, id: 'key_2' } },
      `ConfigFault: apiKey key_2: one of its hashes is that of ${key.id}`,
    ],
    [
      'a pattern that does not compile',
      {
        op: 'upsert',
        kind: 'mcpServer',
        value: { ...server, semanticFilter: { blockedKeywords: [], blockedPatterns: ['(private'], detectors: [], applyTo: [], action: 'BLOCK' } },
      },
      `ConfigFault: mcpServer ${server.id}: semanticFilter cannot be used`,
    ],
    [
      'a secret that was sealed for another place',
      {
        op: 'upsert',
        kind: 'mcpServer',
        value: { ...server, auth: { type: 'BEARER', token: testSealer.seal('hush', { organisationId: acme.id, ownerId: 'srv_other', field: 'auth.token' }) } },
      },
      `ConfigFault: mcpServer ${server.id}: auth cannot be used: `,
    ],
  ])('%s', async (_what, change, reason) => {
    expect(await refusalOf(change)).toContain(reason);
  });

  test('a value never stands in the reason', async () => {
    const secret = 'canary-3f9a';
    const changes = [
      { op: 'upsert', kind: 'mcpServer', value: { ...server, endpointUrl: secret } },
      { op: 'upsert', kind: 'mcpServer', value: { ...server, auth: { type: secret } } },
      {
        op: 'upsert',
        kind: 'mcpServer',
        value: { ...server, semanticFilter: { blockedKeywords: [], blockedPatterns: [`(${secret}`], detectors: [], applyTo: [], action: 'BLOCK' } },
      },
      {
        op: 'upsert',
        kind: 'policy',
        value: policy(acme.id, { scope: 'ORGANISATION', ownerId: acme.id, envelope: { policies: { ip: { allowlist: [secret] } } } }),
      },
    ];
    for (const change of changes) {
      const reason = await refusalOf(change);
      expect(reason).toContain('ConfigFault');
      expect(reason).not.toContain(secret);
    }
  });

  test('one bad change refuses all of its delta', async () => {
    const before = await stateOf('1', base);
    const content = contentOf(before);
    await expect(applied(before, { op: 'remove', kind: 'apiKey', id: key.id }, { op: 'upsert', kind: 'apiKey', value: {} })).rejects.toThrow(
      'changes.1 (apiKey): ',
    );
    expect(contentOf(before)).toEqual(content);
  });

  test('every field in turn as null, missing or of another type never ends in half a configuration', async () => {
    const entities = snapshotOf({
      organisations: [acme],
      apiKeys: [key],
      mcpServers: [server],
      accessGrants: [grant],
      limits: [limit(acme.id, { ownerType: 'ORGANISATION', ownerId: acme.id, metric: 'REQUESTS', amount: '5' })],
    });
    const before = await stateOf('1', base);
    const content = contentOf(before);
    for (const { op, kind, value } of entities) {
      for (const field of Object.keys(value)) {
        for (const bad of [null, undefined, 12345, [], {}]) {
          const change = { op, kind, value: { ...value, [field]: bad } };
          await applyDelta(before, deltaFrame('1', '2', [change]), testSealer).catch((error: unknown) => expect(error).toMatchObject({ name: 'ConfigFault' }));
          expect(contentOf(before)).toEqual(content);
        }
      }
    }
  });

  test('a delta that begins elsewhere is neither applied nor refused', async () => {
    expect(await applyDelta(await stateOf('1', base), deltaFrame('2', '3', []), testSealer)).toBeUndefined();
  });

  test('parts of a snapshot that are out of order, cut short or of another version', async () => {
    const [first, second] = snapshotFrames('5', base, []);
    const [, stranger] = snapshotFrames('6', base, []);
    if (first === undefined || second === undefined || stranger === undefined) throw new Error('there are three frames');
    await expect(new SnapshotIntake(testSealer).add(second, EMPTY_STATE)).rejects.toThrow('out of order');
    const intake = new SnapshotIntake(testSealer);
    await intake.add(first, EMPTY_STATE);
    await expect(intake.add(stranger, EMPTY_STATE)).rejects.toThrow('out of order');
    const damaged = frameOf('SNAPSHOT', '5', { part: 0, isLast: true, gzip: 'AAAA' });
    await expect(new SnapshotIntake(testSealer).add(damaged, EMPTY_STATE)).rejects.toThrow('parts.0: cannot be unpacked');
  });
});

test('many small parts in a row let the event loop turn in between', async () => {
  const packer = new PartPacker();
  for (const upsert of base) packer.add(upsert);
  const part = packer.take();
  // A part takes a good part of a slice, and never all of it.
  let millis = 0;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => (millis += 0.3));
  const build = new SnapshotBuild(testSealer, EMPTY_STATE);
  let turns = 0;
  let isDone = false;
  const count = () => {
    turns++;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  try {
    for (let parts = 0; parts < 50; parts++) await build.add(part);
  } finally {
    isDone = true;
    clock.mockRestore();
  }
  expect(turns).toBeGreaterThan(5);
});

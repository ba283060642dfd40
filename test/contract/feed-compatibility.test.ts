/** Planes of different ages: a node obeys what an older control plane writes, and refuses by name what a newer one says that it does not know. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { faultOf } from '../../data-plane/config/config-fault.ts';
import { Feed } from '../../data-plane/config/feed.ts';
import { ConfigStore } from '../../data-plane/config/store.ts';
import { judgeAccess } from '../../shared/access-grant.ts';
import { systemClock } from '../../shared/clock.ts';
import { ENTITY_SCHEMAS } from '../../shared/config-document.ts';
import { contentOf, deltaFrame, frameOf, snapshotFrames, stateOf, testSealer } from '../support/config-frames.ts';
import { agent } from '../support/domain.ts';
import { OLDER_DOCUMENT, OLDER_ENTITIES } from '../support/older-document.ts';
import { eventually } from '../support/processes.ts';
import { recordingLog } from '../support/recording-log.ts';
import { ScriptedLink } from '../support/scripted-link.ts';

/** What was added since the first document, and what holds where it is not there. */
const ADDED = {
  organisation: { unknownClients: 'ALLOW', semanticFilter: null },
  apiKey: { agentId: null },
  mcpServer: {
    stdioIsolation: 'SHARED',
    limits: {},
    toolPins: [],
    toolsDiscoveredAt: null,
    toolReview: 'NONE',
    toolChangeMode: 'ENFORCE',
    webSearchPolicy: null,
    searchTools: [],
  },
  accessGrant: {},
  policy: { trial: null },
  limit: { countedSinceMillis: 0, rollover: false, allotmentCalls: null },
} as const;
const ADDED_KINDS = ['upstreamToken', 'installation', 'agent'];
const KINDS = ['organisation', 'apiKey', 'mcpServer', 'accessGrant', 'policy', 'limit'] as const;

const today = (kind: (typeof KINDS)[number]) => ({ ...OLDER_ENTITIES[kind], ...ADDED[kind] });

describe('an older control plane and today’s node', () => {
  test('what it writes is in force, its secrets open, and its rules hold', async () => {
    const { snapshot, entities } = await stateOf('1', OLDER_DOCUMENT);
    const server = snapshot.servers.get('org_older')?.get('tools');
    const key = snapshot.keysByHash.get('hash-of-older')?.key;
    if (server === undefined || key === undefined) throw new Error('the key and the server are there');
    expect(server.upstreamAuthHeaders).toEqual(['authorization', 'Bearer hush']);
    expect(server.toolRules.verdictOn('delete_file')).toBe('blocked_tool');
    expect(server.filter).toBeDefined();
    const grant = snapshot.grants.get(key.id)?.get(server.config.id);
    expect(judgeAccess({ key, server: server.config, grant, agent: undefined }, 0)).toBe('granted');
    expect(snapshot.policies.get('org_older')).toMatchObject({ id: 'pol_older' });
    expect(snapshot.limits.get('org_older')).toMatchObject([{ id: 'lim_older' }]);
    // Tokens are hashed with what the secret key gives, as they were when there was nothing else.
    expect(snapshot.tokenHashKey).toBeUndefined();
    expect(entities.agent.size).toBe(0);
  });

  test('it means what today’s document means in which nothing new is used', async () => {
    const written = KINDS.map((kind) => ({ op: 'upsert', kind, value: today(kind) }));
    expect(contentOf(await stateOf('1', OLDER_DOCUMENT))).toEqual(contentOf(await stateOf('1', written)));
  });

  test.each(KINDS)('every field that was added to %s may be missing, each by itself', (kind) => {
    for (const [field, meant] of Object.entries(ADDED[kind])) {
      const { [field]: _, ...without }: Record<string, unknown> = today(kind);
      expect(ENTITY_SCHEMAS[kind].parse(without)).toMatchObject({ [field]: meant });
    }
  });
});

describe('today’s control plane and an older node', () => {
  test('kinds that were added are those that are known to be new', () => {
    expect(Object.keys(ENTITY_SCHEMAS).filter((kind) => !Object.hasOwn(OLDER_ENTITIES, kind))).toEqual(ADDED_KINDS);
  });

  test.each(KINDS)('of %s the node is told by name what it could not know, and nothing else is new', (kind) => {
    expect(Object.keys(ENTITY_SCHEMAS[kind].shape).toSorted()).toEqual(Object.keys(today(kind)).toSorted());
    const olderSchema = z.strictObject(Object.fromEntries(Object.keys(OLDER_ENTITIES[kind]).map((field) => [field, z.unknown()])));
    const reading = olderSchema.safeParse(ENTITY_SCHEMAS[kind].parse(today(kind)));
    const reason = reading.success ? '' : faultOf('changes.0', reading.error).message;
    expect(new Set([...reason.matchAll(/"(\w+)"/g)].map(([, name]) => name))).toEqual(new Set(Object.keys(ADDED[kind])));
  });
});

describe('a newer control plane and today’s node', () => {
  const { organisation, apiKey, mcpServer, policy, limit } = OLDER_ENTITIES;
  const upsert = (kind: string, value: object) => ({ op: 'upsert', kind, value });
  const unknown = { id: 'x_1', organisationId: 'org_older' };
  const withClient = {
    ...agent('org_older', { id: 'agt_1' }),
    clients: [{ id: 'acl_1', clientNames: [], userAgents: [], versionRange: null, serverIds: [], x: 1 }],
  };

  let link: ScriptedLink;
  let store: ConfigStore;
  let feed: Feed;
  let saved: string[];
  let confirmed: number;

  beforeEach(async () => {
    [link, store, saved, confirmed] = [new ScriptedLink(), new ConfigStore(systemClock), [], 0];
    feed = new Feed({
      link,
      store,
      sealer: testSealer,
      lastKnownGood: { save: ({ state }) => void saved.push(state.snapshot.version), confirm: () => void confirmed++ },
      clock: systemClock,
      log: recordingLog().log,
      describeNode: () => ({ name: 'node:1', version: 'test', configVersion: store.state.snapshot.version, ready: true, inFlight: 0, endpoints: [] }),
      timing: { silenceMillisMax: 60_000, helloMillis: 60_000, retryMillisMin: 1, retryMillisMax: 5 },
    });
    await subscriptions(1);
    link.send(...snapshotFrames('1', OLDER_DOCUMENT));
    await acknowledgements(1);
  });
  afterEach(() => feed?.close());

  const subscriptions = (count: number) => eventually(() => (link.subscribed.length >= count ? true : undefined), `subscription ${count}`);
  const acknowledgements = (count: number) => eventually(() => (link.acknowledged.length >= count ? true : undefined), `acknowledgement ${count}`);

  test.each([
    ['a kind', upsert('spell', unknown), '(spell x_1): kind: '],
    ['the removal of a kind', { op: 'remove', kind: 'spell', id: 'x_1' }, '(spell x_1): kind: '],
    ['something else than to put and to take away', { op: 'freeze', kind: 'apiKey', id: 'key_older' }, '(apiKey key_older): '],
    ['a field of an organisation', upsert('organisation', { ...organisation, x: 1 }), 'value: Unrecognized key: "x"'],
    ['a field of a key', upsert('apiKey', { ...apiKey, x: 1 }), 'value: Unrecognized key: "x"'],
    ['a field of a hash', upsert('apiKey', { ...apiKey, hashes: [{ ...apiKey.hashes[0], x: 1 }] }), 'value.hashes.0: Unrecognized key: "x"'],
    ['a way to sign in', upsert('mcpServer', { ...mcpServer, auth: { type: 'KERBEROS' } }), 'value.auth.type: '],
    ['a transport', upsert('mcpServer', { ...mcpServer, transport: 'QUIC' }), 'value.transport: '],
    [
      'a part of a filter',
      upsert('mcpServer', { ...mcpServer, semanticFilter: { ...mcpServer.semanticFilter, x: 1 } }),
      'value.semanticFilter: Unrecognized key: "x"',
    ],
    ['a rule of a policy', upsert('policy', { ...policy, envelope: { policies: { mood: {} } } }), 'value.envelope.policies: Unrecognized key: "mood"'],
    ['what a limit counts', upsert('limit', { ...limit, metric: 'TOKENS' }), 'value.metric: '],
    ['a field of an agent’s client', upsert('agent', withClient), 'value.clients.0: Unrecognized key: "x"'],
  ])('%s that it does not know: the version is refused by name, and the one before it stays in force', async (_what, change, reason) => {
    link.send(deltaFrame('1', '2', [upsert('organisation', { ...organisation, slug: 'renamed' }), change]));
    await subscriptions(2);
    // What is whole says it too, and is refused too.
    link.send(...snapshotFrames('2', [...OLDER_DOCUMENT, change]));
    await acknowledgements(3);
    const refused = { version: '2', refusedReason: expect.stringContaining(reason) };
    expect(link.acknowledged).toMatchObject([{ version: '1', refusedReason: null }, refused, refused]);
    expect(store.current()).toMatchObject({ version: '1' });
    expect(store.current()?.organisations.get('org_older')?.slug).toBe('older');
    expect(saved).toEqual(['1']);
  });

  test('what it refused does not keep the older one young, and it follows again once it is told what it knows', async () => {
    link.send(...snapshotFrames('2', [upsert('spell', unknown)]));
    await acknowledgements(2);
    const receivedAt = store.receivedAtMillis;
    link.send(frameOf('HEARTBEAT', '2', {}));
    link.send(deltaFrame('2', '3', [{ op: 'remove', kind: 'spell', id: 'x_1' }]));
    await subscriptions(2);
    expect(confirmed).toBe(0);
    expect(store.receivedAtMillis).toBe(receivedAt);
    link.send(...snapshotFrames('3', OLDER_DOCUMENT));
    await acknowledgements(3);
    expect(link.acknowledged[2]).toEqual({ version: '3', refusedReason: null });
  });
});

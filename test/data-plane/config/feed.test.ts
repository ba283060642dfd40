/** The feed comes back after every gap, says what became of each version, and never leaves the node without the configuration that worked. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Feed, type FeedTiming } from '../../../data-plane/config/feed.ts';
import type { KnownGood } from '../../../data-plane/config/last-known-good.ts';
import { ConfigStore } from '../../../data-plane/config/store.ts';
import { systemClock } from '../../../shared/clock.ts';
import { deltaFrame, frameOf, snapshotFrames, testSealer } from '../../support/config-frames.ts';
import { mcpServer, organisation } from '../../support/domain.ts';
import { eventually } from '../../support/processes.ts';
import { recordingLog } from '../../support/recording-log.ts';
import { ScriptedLink } from '../../support/scripted-link.ts';

const acme = organisation();
const renamed = { op: 'upsert', kind: 'organisation', value: { ...acme, slug: 'renamed' } };
const base = [{ op: 'upsert', kind: 'organisation', value: acme }];
const bad = { op: 'upsert', kind: 'organisation', value: { ...acme, slug: 7 } };
const QUICK: FeedTiming = { silenceMillisMax: 60_000, helloMillis: 60_000, retryMillisMin: 1, retryMillisMax: 5 };

let link: ScriptedLink;
let store: ConfigStore;
let feed: Feed | undefined;
let saved: KnownGood[];
let confirmed: KnownGood[];

beforeEach(() => {
  link = new ScriptedLink();
  store = new ConfigStore(systemClock);
  saved = [];
  confirmed = [];
});
afterEach(() => feed?.close());

function start(timing = QUICK): void {
  const describeNode = () => ({ name: 'node:1', version: 'test', configVersion: store.state.snapshot.version, ready: true, inFlight: 0, endpoints: [] });
  const lastKnownGood = { save: (good: KnownGood) => void saved.push(good), confirm: (good: KnownGood) => void confirmed.push(good) };
  feed = new Feed({ link, store, sealer: testSealer, lastKnownGood, clock: systemClock, log: recordingLog().log, describeNode, timing });
}

const subscriptions = (count: number) => eventually(() => (link.subscribed.length >= count ? true : undefined), `subscription ${count}`);
const acknowledgements = (count: number) => eventually(() => (link.acknowledged.length >= count ? true : undefined), `acknowledgement ${count}`);
const slug = () => store.current()?.organisations.get(acme.id)?.slug;

async function startAtVersion1(timing = QUICK): Promise<void> {
  start(timing);
  await subscriptions(1);
  link.send(...snapshotFrames('1', base));
  await acknowledgements(1);
}

describe('what arrives is applied', () => {
  test('a node without a configuration asks for everything, says hello first, and acknowledges what it applied', async () => {
    await startAtVersion1();
    expect(link.hellos).toMatchObject([{ name: 'node:1', configVersion: '0' }]);
    expect(link.subscribed).toEqual([undefined]);
    expect(link.acknowledged).toEqual([{ version: '1', refusedReason: null }]);
    expect(store.current()?.version).toBe('1');
    expect(saved.map(({ state }) => state.snapshot.version)).toEqual(['1']);
  });

  test('a snapshot is in force with its last part, and not before', async () => {
    start();
    await subscriptions(1);
    const [first, second] = snapshotFrames('1', base, []);
    if (first === undefined || second === undefined) throw new Error('there are two parts');
    link.send(first);
    link.send(frameOf('HEARTBEAT', '0', {}));
    await subscriptions(2);
    expect(store.current()).toBeUndefined();
    link.send(first, second);
    await acknowledgements(1);
    expect(slug()).toBe(acme.slug);
  });

  test('a delta takes effect, and listeners hear which servers changed', async () => {
    await startAtVersion1();
    const server = mcpServer(acme.id);
    const swaps: (readonly string[])[] = [];
    store.onChange(({ changedServerIds, previous, next }) => swaps.push([previous?.version ?? '', next.version, ...changedServerIds]));
    link.send(deltaFrame('1', '2', [renamed, { op: 'upsert', kind: 'mcpServer', value: server }]));
    link.send(deltaFrame('2', '5', [{ op: 'upsert', kind: 'mcpServer', value: { ...server, enabled: false } }]));
    link.send(deltaFrame('5', '6', [{ op: 'remove', kind: 'mcpServer', id: server.id }]));
    await acknowledgements(4);
    expect(slug()).toBe('renamed');
    expect(swaps).toEqual([
      ['1', '2'],
      ['2', '5', server.id],
      ['5', '6', server.id],
    ]);
  });

  test('a heartbeat of the version in force confirms it', async () => {
    await startAtVersion1();
    link.send(frameOf('HEARTBEAT', '1', {}));
    await eventually(() => confirmed[0], 'the confirmation');
    expect(confirmed[0]?.receivedAtMillis).toBe(store.receivedAtMillis);
  });
});

describe('after a gap', () => {
  test('a connection that breaks is made anew, from the version in force', async () => {
    await startAtVersion1();
    link.cut();
    await subscriptions(2);
    expect(link.subscribed[1]).toBe('1');
    expect(slug()).toBe(acme.slug);
  });

  test.each([
    ['a delta that begins later', deltaFrame('2', '3', [renamed])],
    ['a delta that came twice', deltaFrame('0', '1', [renamed])],
    ['a heartbeat of another version', frameOf('HEARTBEAT', '2', {})],
  ])('%s makes it ask for what it missed, not for everything', async (_what, frame) => {
    await startAtVersion1();
    link.send(frame);
    await subscriptions(2);
    expect(link.subscribed[1]).toBe('1');
    expect(slug()).toBe(acme.slug);
    expect(link.acknowledged).toHaveLength(1);
  });

  test('a snapshot of a lower version is obeyed: the database was put back', async () => {
    start();
    await subscriptions(1);
    link.send(...snapshotFrames('9', base));
    link.send(...snapshotFrames('3', [renamed]));
    await acknowledgements(2);
    expect(store.current()?.version).toBe('3');
  });

  test('silence ends the connection, and the next one resumes', async () => {
    await startAtVersion1({ ...QUICK, silenceMillisMax: 40 });
    await subscriptions(2);
    expect(link.terminations).toBeGreaterThan(0);
    expect(link.subscribed[1]).toBe('1');
  });

  test('a feed that is closed while its greeting is answered subscribes to nothing, and ends', async () => {
    const greeting = Promise.withResolvers<string>();
    link.answerHello = () => greeting.promise;
    start();
    await eventually(() => (link.hellos.length > 0 ? true : undefined), 'the greeting');
    const closed = feed?.close();
    greeting.resolve('dpl_test');
    await closed;
    expect(link.subscribed).toEqual([]);
  });

  test('it says again and again how the node is', async () => {
    await startAtVersion1({ ...QUICK, helloMillis: 5 });
    await eventually(() => (link.hellos.length > 3 ? true : undefined), 'more hellos');
    expect(link.hellos.at(-1)).toMatchObject({ configVersion: '1' });
  });
});

describe('what cannot be obeyed', () => {
  const tampered = { ...deltaFrame('1', '2', [renamed]), payload: { from: '1', changes: [] } };

  test.each([
    ['a change that does not fit', deltaFrame('1', '2', [renamed, bad]), `changes.1 (organisation ${acme.id}): value.slug`],
    ['a frame that was changed on its way', tampered, 'the checksum of DELTA 2 does not fit'],
    ['a payload that is none', frameOf('DELTA', '2', { changes: 'all' }), 'payload: from'],
  ])('%s is refused with its reason, the configuration stays, and the whole is asked for', async (_what, frame, reason) => {
    await startAtVersion1();
    link.send(frame);
    await subscriptions(2);
    expect(link.acknowledged.at(-1)).toMatchObject({ version: '2', refusedReason: expect.stringContaining(reason) });
    expect(link.subscribed[1]).toBeUndefined();
    expect(store.current()?.version).toBe('1');
    expect(slug()).toBe(acme.slug);
    expect(saved).toHaveLength(1);
    link.send(...snapshotFrames('2', [renamed]));
    await eventually(() => (slug() === 'renamed' ? true : undefined), 'the snapshot being in force');
  });

  test('a snapshot that is refused is refused once, and nothing more is asked for until something changes', async () => {
    await startAtVersion1();
    link.send(...snapshotFrames('2', [bad], base, []));
    await acknowledgements(2);
    link.send(frameOf('HEARTBEAT', '2', {}));
    link.send(frameOf('HEARTBEAT', '2', {}));
    expect(link.acknowledged[1]).toMatchObject({ version: '2', refusedReason: expect.stringContaining('parts.0.0') });
    link.send(deltaFrame('2', '3', [renamed]));
    await subscriptions(2);
    expect(link.subscribed[1]).toBeUndefined();
    expect(link.acknowledged).toHaveLength(2);
    link.send(...snapshotFrames('3', [renamed]));
    await acknowledgements(3);
    expect(link.acknowledged[2]).toEqual({ version: '3', refusedReason: null });
    expect(slug()).toBe('renamed');
  });

  test('a node that never had a configuration stays without one', async () => {
    start();
    await subscriptions(1);
    link.send(...snapshotFrames('1', [bad]));
    await acknowledgements(1);
    expect(store.current()).toBeUndefined();
  });
});

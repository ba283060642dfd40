/** A live reader gets what was recorded once and in order, wherever it begins; one that is too slow is told what it missed. */
import 'reflect-metadata';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Notifications } from '../../../control-plane/database/notifications.ts';
import { USAGE_CHANNEL, UsageLive, type UsageRecordEvent } from '../../../control-plane/usage/usage-live.ts';
import { UsageRecordsService } from '../../../control-plane/usage/usage-records.service.ts';
import type { UsageFilter } from '../../../control-plane/usage/usage-filter.ts';
import { writeUsage } from '../../../control-plane/usage-intake/usage-writer.ts';
import type { UsageEvent } from '../../../shared/usage-event.ts';
import { eventually } from '../../support/processes.ts';
import { recordingLog } from '../../support/recording-log.ts';
import { startUsageDatabase, usageEvent, usageEvents, type UsageDatabase } from '../../support/usage.ts';

const EVERYTHING: UsageFilter = { range: {} };
/** Before the first record there is. */
const START = '0';
const records = new UsageRecordsService();
let usage: UsageDatabase;
let notifications: Notifications;
let live: UsageLive;
let ending: AbortController;

beforeAll(async () => {
  usage = await startUsageDatabase();
  notifications = new Notifications(usage.database.url, [USAGE_CHANNEL], recordingLog().log);
  live = new UsageLive(usage.orm.em, records, notifications);
});
afterAll(async () => {
  await notifications?.close();
  await usage?.close();
});
beforeEach(async () => {
  ending = new AbortController();
  await usage.clear();
});
afterEach(() => ending.abort());

function follow(after: string | null, { filter = EVERYTHING, organisationId = 'org_own' } = {}): AsyncGenerator<UsageRecordEvent> {
  return live.follow(organisationId, filter, after, ending.signal);
}

const store = (events: readonly UsageEvent[]) => writeUsage(usage.orm.em, events);
const idsOf = (events: readonly UsageEvent[]) => events.map(({ requestId }) => requestId);
const toldOf = (events: readonly UsageRecordEvent[]) => events.map(({ record }) => record.request_id);
const endOfUsage = () => records.lastSequence(usage.orm.em, 'org_own');

async function take(reader: AsyncGenerator<UsageRecordEvent>, count: number): Promise<UsageRecordEvent[]> {
  const taken: UsageRecordEvent[] = [];
  while (taken.length < count) {
    const { done, value } = await reader.next();
    if (done === true) throw new Error(`it ended after ${taken.length}`);
    taken.push(value);
  }
  return taken;
}

const sequenceOf = (event: UsageRecordEvent | undefined) => Buffer.from(event?.cursor ?? '', 'base64url').toString();

describe('behind a cursor', () => {
  test('what is there is replayed, and what comes follows without a gap or a repetition, while several write', async () => {
    const before = usageEvents(450);
    await store(before);
    const [seen] = await take(follow(START), 1);
    const reader = follow(sequenceOf(seen));
    const coming = Array.from({ length: 40 }, () => usageEvents(20));
    const [told] = await Promise.all([take(reader, 449 + 800), Promise.all(coming.map(store))]);
    const stored = await usage.database.query('select request_id from usage_records order by sequence offset 1');
    expect(toldOf(told)).toEqual(stored.map(({ request_id: id }) => id));
    expect(new Set(toldOf(told))).toEqual(new Set(idsOf([...before.slice(1), ...coming.flat()])));
    expect(told.every(({ dropped }) => dropped === 0)).toBe(true);
  });

  test('each record’s cursor is where the next reader goes on', async () => {
    const events = usageEvents(5);
    await store(events);
    const first = await take(follow(START), 3);
    expect(toldOf([...first, ...(await take(follow(sequenceOf(first.at(-1))), 2))])).toEqual(idsOf(events));
  });

  test('who replays gets everything, however much it is', async () => {
    const events = usageEvents(1500);
    await store(events);
    const told = await take(follow(START), 1500);
    expect(toldOf(told)).toEqual(idsOf(events));
    expect(told.every(({ dropped }) => dropped === 0)).toBe(true);
  });
});

describe('from now', () => {
  test('nothing comes that was recorded before, and everything that is recorded afterwards', async () => {
    await store(usageEvents(3));
    const reader = follow(null);
    const begun: UsageRecordEvent[] = [];
    const beginning = take(reader, 1).then((events) => begun.push(...events));
    const fresh: UsageEvent[] = [];
    // Nothing says when the reader has begun, so records are written until the first of them arrives.
    const first = await eventually(async () => {
      const event = usageEvent();
      fresh.push(event);
      await store([event]);
      return begun[0];
    }, 'the first record arriving');
    await beginning;
    const from = idsOf(fresh).indexOf(first.record.request_id);
    expect(from).toBeGreaterThanOrEqual(0);
    await store(usageEvents(1, { requestId: 'req_last' }));
    const rest = await take(reader, fresh.length - from);
    expect(toldOf(rest)).toEqual([...idsOf(fresh.slice(from + 1)), 'req_last']);
  });
});

describe('a slow reader', () => {
  /** A reader that is live, has everything, and then does not ask for a while. */
  async function liveReader(filter = EVERYTHING): Promise<AsyncGenerator<UsageRecordEvent>> {
    const reader = follow(await endOfUsage(), { filter });
    await store([usageEvent()]);
    await take(reader, 1);
    return reader;
  }

  test('that is more than 1,000 behind goes on with the newest, and is told how many it missed', async () => {
    const reader = await liveReader();
    const events = usageEvents(1500);
    await store(events);
    const told = await take(reader, 1000);
    expect(toldOf(told)).toEqual(idsOf(events.slice(500)));
    expect(told.map(({ dropped }) => dropped)).toEqual([500, ...Array.from({ length: 999 }, () => 0)]);
    const [next] = [usageEvent()];
    await store([next]);
    expect(await take(reader, 1)).toMatchObject([{ dropped: 0, record: { request_id: next.requestId } }]);
  });

  test('that is 1,000 behind misses nothing', async () => {
    const reader = await liveReader();
    const events = usageEvents(1000);
    await store(events);
    const told = await take(reader, 1000);
    expect(toldOf(told)).toEqual(idsOf(events));
    expect(told.every(({ dropped }) => dropped === 0)).toBe(true);
  });

  test('that falls behind in the middle of a batch is told too, and what it was told and missed is everything', async () => {
    const reader = await liveReader();
    await store(usageEvents(100));
    const first = await take(reader, 50);
    await store(usageEvents(2000));
    const told = [...first, ...(await take(reader, 50 + 1000))];
    const missed = told.reduce((sum, { dropped }) => sum + dropped, 0);
    expect(missed).toBe(1000);
    expect(told.length + missed).toBe(2100);
    expect(new Set(toldOf(told)).size).toBe(1100);
  });

  test('is told of what it follows only', async () => {
    const reader = await liveReader({ range: {}, tool: ['echo'] });
    await store(usageEvents(300, { tool: 'other' }));
    await store(usageEvents(1200));
    await store(usageEvents(300, { organisationId: 'org_other' }));
    const [first] = await take(reader, 1);
    expect(first?.dropped).toBe(200);
  });
});

describe('another organisation', () => {
  test('its records never arrive, neither replayed nor live', async () => {
    const mixed = () =>
      Array.from({ length: 10 }, () => [usageEvent(), usageEvent({ organisationId: 'org_other' }), usageEvent({ organisationId: null })]).flat();
    const [replayed, coming] = [mixed(), mixed()];
    await store(replayed);
    const reader = follow(START);
    const told = await take(reader, 10);
    await store(coming);
    told.push(...(await take(reader, 10)));
    const own = [...replayed, ...coming].filter(({ organisationId }) => organisationId === 'org_own');
    expect(toldOf(told)).toEqual(idsOf(own));
  });
});

test('a reader that leaves ends while it waits', async () => {
  const reader = follow(null);
  const next = reader.next();
  ending.abort();
  expect(await next).toEqual({ done: true, value: undefined });
});

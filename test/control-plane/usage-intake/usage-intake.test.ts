/** Each event is one record however often it is told, and one that cannot be stored holds up nobody. */
import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { UsageIntake } from '../../../control-plane/usage-intake/usage-intake.ts';
import { writeUsageEvent, type UsageDelivery, type UsageEvent } from '../../../shared/usage-event.ts';
import { UsageQueue } from '../../../shared/usage-queue.ts';
import { eventually } from '../../support/processes.ts';
import { recordingLog } from '../../support/recording-log.ts';
import { startUsageDatabase, usageEvent, usageEvents, type UsageDatabase } from '../../support/usage.ts';

/** Remembers what was acknowledged, event by event. */
class WatchedQueue extends UsageQueue {
  readonly acknowledged: string[] = [];

  override async acknowledge(deliveries: readonly UsageDelivery[]): Promise<void> {
    this.acknowledged.push(...deliveries.map(({ json }) => json));
    await super.acknowledge(deliveries);
  }
}

let usage: UsageDatabase;
let queue: WatchedQueue;
let logged: string[];
const intakes: UsageIntake[] = [];

beforeAll(async () => {
  usage = await startUsageDatabase();
});
afterAll(() => usage?.close());
beforeEach(async () => {
  queue = new WatchedQueue();
  await usage.clear();
});
afterEach(async () => {
  for (const intake of intakes.splice(0)) await intake.close();
});

/** What was appended before is the first batch. */
function startIntake(): void {
  const { log, lines } = recordingLog();
  logged = lines;
  intakes.push(new UsageIntake(queue, usage.orm.em, log));
}

function append(...events: readonly (UsageEvent | string)[]): void {
  for (const event of events) queue.append(typeof event === 'string' ? event : writeUsageEvent(event));
}

const everythingTaken = () => eventually(() => (queue.size === 0 ? true : undefined), 'every event being acknowledged');

describe('told twice', () => {
  test('an event that is delivered twice in one batch is one record, and counts once', async () => {
    const event = usageEvent({ costNanosUsd: '7' });
    append(event, event, usageEvent({ costNanosUsd: '11' }));
    startIntake();
    await everythingTaken();
    expect(await usage.stored()).toEqual({ records: 2, sidecars: 2, costNanosUsd: '18' });
  });

  test('an event that is delivered again in a later batch is one record, and its companions there are stored', async () => {
    const event = usageEvent({ costNanosUsd: '7' });
    append(event);
    startIntake();
    await everythingTaken();
    append({ ...event, costNanosUsd: '99' }, usageEvent({ costNanosUsd: '11' }));
    await everythingTaken();
    expect(await usage.stored()).toEqual({ records: 2, sidecars: 2, costNanosUsd: '18' });
  });
});

describe('poison', () => {
  const poisons: [string, string, RegExp][] = [
    ['an event that is cut off', '[1,"req_cut', /JSON/],
    ['an event that begins with a NUL', '\0[1,"req_nul"]', /JSON/],
    ['an event that ends too early', '[1,"req_short"]', /timeMillis/],
    ['an event of a format that is not known yet', '[2,{"requestId":"req_2"}]', /expected 1/],
    ['a time that no calendar has', writeUsageEvent(usageEvent({ timeMillis: 1e300 })), /occurred_at/],
    ['a latency of half a microsecond', writeUsageEvent(usageEvent({ latencyMicros: 0.5 })), /bigint/],
    ['a cost that no column holds', writeUsageEvent(usageEvent({ costNanosUsd: '9'.repeat(31) })), /numeric/],
    ['an id that no index holds', writeUsageEvent(usageEvent({ requestId: randomBytes(16_384).toString('hex') })), /index/],
  ];

  test.each(poisons)('%s is set aside with its reason, and the others of its batch are stored', async (_name, poison, reason) => {
    append(usageEvent(), poison, usageEvent());
    startIntake();
    await everythingTaken();
    expect(await usage.stored()).toMatchObject({ records: 2, sidecars: 2 });
    expect(await usage.deadLetters()).toEqual([{ event: poison.replaceAll('\0', '\uFFFD'), reason: expect.stringMatching(reason) }]);
  });

  test('the reason is a sentence, and holds neither the statement nor the events', async () => {
    append(usageEvent({ costNanosUsd: '9'.repeat(31), clientIp: '192.0.2.77' }));
    startIntake();
    await everythingTaken();
    const [letter] = await usage.deadLetters();
    expect(letter?.reason).toMatch(/numeric/);
    expect(letter?.reason).not.toMatch(/insert into|192\.0\.2\.77/);
    expect(logged.join('')).not.toContain('192.0.2.77');
  });

  test('an event that is delivered again after it was set aside is kept once', async () => {
    for (let delivery = 0; delivery < 2; delivery++) {
      queue = new WatchedQueue();
      append('nonsense');
      startIntake();
      await everythingTaken();
    }
    expect(await usage.deadLetters()).toHaveLength(1);
  });

  test('after a restart, when deliveries are counted from the start again, nothing that was set aside hides what comes', async () => {
    for (const nonsense of ['the first life', 'the second life']) {
      queue = new WatchedQueue();
      append(nonsense);
      startIntake();
      await everythingTaken();
    }
    expect((await usage.deadLetters()).map(({ event }) => event)).toEqual(['the first life', 'the second life']);
  });
});

describe('text that PostgreSQL cannot store', () => {
  test('a tool with NUL and halves of characters in its name is recorded, and so are whole characters', async () => {
    append(usageEvent({ tool: 'a\0b\ud800c\udc00😀' }), writeUsageEvent(usageEvent({ tool: 'pair' })).replace('pair', String.raw`\ud83d\ude00`));
    startIntake();
    await everythingTaken();
    const rows = await usage.database.query(
      'select tool from mcp_usage_records join usage_records on usage_records.request_id = mcp_usage_records.request_id order by sequence',
    );
    expect(rows).toEqual([{ tool: 'a\uFFFDb\uFFFDc\uFFFD😀' }, { tool: '😀' }]);
    expect(await usage.deadLetters()).toEqual([]);
  });
});

describe('while PostgreSQL fails', () => {
  beforeEach(() =>
    usage.database.query(
      `create or replace function fail() returns trigger language plpgsql as $$ begin raise exception 'no' using errcode = tg_argv[0]; end $$`,
    ),
  );
  afterEach(() => usage.database.query('drop trigger if exists fail on usage_records; drop trigger if exists fail on usage_dead_letters'));

  const failing = (table: string, code: string, when = 'true') =>
    usage.database.query(`create trigger fail before insert on ${table} for each row when (${when}) execute function fail('${code}')`);
  const recovered = () => usage.database.query('drop trigger fail on usage_records');
  const attempts = (count: number) =>
    eventually(() => (logged.filter((line) => line.includes('usage waits in the stream')).length >= count ? true : undefined), `${count} attempts`);

  test.each([
    ['a full disk', '53100'],
    ['a deadlock', '40P01'],
    ['a shutdown', '57P01'],
    ['a fault of its own', 'XX000'],
  ])('%s: nothing is acknowledged or set aside, and everything is stored afterwards', async (_name, code) => {
    await failing('usage_records', code);
    append(...usageEvents(3));
    startIntake();
    await attempts(2);
    expect(queue.acknowledged).toEqual([]);
    await recovered();
    await everythingTaken();
    expect(await usage.stored()).toMatchObject({ records: 3, costNanosUsd: '3' });
    expect(await usage.deadLetters()).toEqual([]);
  });

  test('beside a poison, only what was stored or set aside is acknowledged', async () => {
    const [good, unlucky] = [usageEvent(), usageEvent()];
    const poison = usageEvent({ latencyMicros: 0.5 });
    await failing('usage_records', '53100', `new.request_id = '${unlucky.requestId}'`);
    append(good, poison, unlucky);
    startIntake();
    await attempts(2);
    expect(queue.acknowledged).toEqual([good, poison].map(writeUsageEvent));
    await recovered();
    await everythingTaken();
    expect(await usage.stored()).toMatchObject({ records: 2 });
    expect(await usage.deadLetters()).toHaveLength(1);
  });

  test('a poison that cannot be set aside is not acknowledged either', async () => {
    await failing('usage_dead_letters', '53100');
    append('nonsense');
    startIntake();
    await attempts(2);
    expect(queue.acknowledged).toEqual([]);
    await usage.database.query('drop trigger fail on usage_dead_letters');
    await everythingTaken();
    expect(await usage.deadLetters()).toHaveLength(1);
  });
});

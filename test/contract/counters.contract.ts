/** What every implementation of the counters promises, run over each of them. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  CountersUnavailable,
  type Admission,
  type AdmissionAnswer,
  type Counters,
  type HoldCheck,
  type LoopCheck,
  type RateCheck,
} from '../../data-plane/counters/counters.ts';
import { newId } from '../../shared/ids.ts';
import type { UsageSource } from '../../shared/usage-event.ts';

export interface CountersRig {
  readonly counters: Counters;
  /** Where settled and recorded events come out. */
  readonly source: UsageSource;
  /** The time by which the counters judge, in milliseconds. */
  now(): number;
  /** Lets that time go on by at least this much. */
  pass(millis: number): Promise<void>;
  close(): Promise<void>;
}

const LATER = 4_102_444_800_000;
const AMOUNT_MAX = 9_007_199_254_740_991;

let rig: CountersRig;
let organisationId: string;

export function describeCounters(name: string, open: () => Promise<CountersRig>): void {
  describe(name, () => {
    beforeAll(async () => {
      rig = await open();
      organisationId = newId('organisation');
    });
    afterAll(() => rig?.close());
    describe('a rate without burst', slidingRates);
    describe('a rate with burst', burstRates);
    describe('leases', leases);
    describe('holds', holds);
    describe('rollover', rollover);
    describe('an extension', extensions);
    describe('an admission', admissions);
    describe('a check that observes', observedChecks);
    describe('a breaker against loops', loops);
    describe('a look', looks);
    describe('events', events);
  });
}

function slidingRates(): void {
  test('of 1,000 simultaneous requests against 300 a minute exactly 300 are admitted', async () => {
    const rates = [rate({ limit: 300 })];
    const answers = await Promise.all(Array.from({ length: 1000 }, () => ask({ rates })));
    expect(answers.filter(isAdmitted)).toHaveLength(300);
    expect(answers.find(({ kind }) => kind === 'refused')).toMatchObject({ check: 'rate', index: 0, used: 300, reserved: 0 });
  });

  test.each([300, 97])('in any span of its window of %i ms there are never more admitted than its limit', async (windowMillis) => {
    const rates = [rate({ limit: 20, windowMillis })];
    expect(shortestSpanOf(await hammer(rates, 120), 21)).toBeGreaterThan(windowMillis);
  });

  test('a refusal says when one more is admitted', async () => {
    const rates = [rate({ limit: 5, windowMillis: 400 })];
    const answers = await Promise.all(Array.from({ length: 6 }, () => ask({ rates })));
    const { retryAfterMillis } = refusalIn(answers);
    expect(retryAfterMillis).toBeGreaterThan(0);
    expect(retryAfterMillis).toBeLessThanOrEqual(440);
    await rig.pass(retryAfterMillis);
    expect(await ask({ rates })).toMatchObject({ kind: 'admitted' });
  });

  test('with a limit of 0 refuses everything', async () => {
    expect(await ask({ rates: [rate({ limit: 0 })] })).toMatchObject({ kind: 'refused', check: 'rate', used: 0, retryAfterMillis: 60_000 });
  });
}

function burstRates(): void {
  test.each([
    [7, 1000, 10],
    [300, 60_000, 50],
    [3, 60_000, 1],
    [1_000_000, 86_400_000, 33],
  ])('of %i in %i ms admits exactly its burst of %i at once', async (limit, windowMillis, burst) => {
    const rates = [rate({ limit, burst, windowMillis })];
    const answers = await Promise.all(Array.from({ length: burst + 20 }, () => ask({ rates })));
    expect(answers.filter(isAdmitted)).toHaveLength(burst);
  });

  test('in any span of its window there are never more admitted than limit and burst together', async () => {
    const [limit, burst, windowMillis] = [30, 7, 300];
    expect(shortestSpanOf(await hammer([rate({ limit, burst, windowMillis })], 180), limit + burst + 1)).toBeGreaterThan(windowMillis);
  });

  test('a refusal says when one more is admitted', async () => {
    const rates = [rate({ limit: 3, burst: 2, windowMillis: 400 })];
    const { retryAfterMillis } = refusalIn(await Promise.all(Array.from({ length: 3 }, () => ask({ rates }))));
    expect(retryAfterMillis).toBeLessThanOrEqual(134);
    await rig.pass(retryAfterMillis);
    expect(await ask({ rates })).toMatchObject({ kind: 'admitted' });
  });

  test('that is made slower owes no more than a whole burst', async () => {
    const key = newId('policy');
    for (let call = 0; call < 5; call++) await ask({ rates: [rate({ key, limit: 10, burst: 5 })] });
    expect(await ask({ rates: [rate({ key, limit: 1, burst: 2, windowMillis: 500 })] })).toMatchObject({ kind: 'refused', retryAfterMillis: 500 });
  });

  test.each([
    [0, 5],
    [5, 0],
  ])('with a limit of %i and a burst of %i refuses everything', async (limit, burst) => {
    expect(await ask({ rates: [rate({ limit, burst })] })).toMatchObject({ kind: 'refused', check: 'rate' });
  });
}

function leases(): void {
  test('no more are under way than the maximum, and a settlement makes room', async () => {
    const wanted = [{ key: newId('policy'), max: 5, ttlMillis: 60_000 }];
    const asked = Array.from({ length: 20 }, () => admission({ leases: wanted }));
    const answers = await Promise.all(asked.map((one) => rig.counters.admit(one)));
    expect(answers.filter(isAdmitted)).toHaveLength(5);
    expect(refusalIn(answers)).toMatchObject({ check: 'lease', index: 0, used: 5 });
    settle(asked[answers.findIndex(isAdmitted)]);
    expect(await ask({ leases: wanted })).toMatchObject({ kind: 'admitted' });
    expect(await ask({ leases: wanted })).toMatchObject({ kind: 'refused', check: 'lease' });
  });

  test('a caller that waits for its answers is never in its own way', async () => {
    const wanted = [{ key: newId('policy'), max: 1, ttlMillis: 60_000 }];
    for (let turn = 0; turn < 300; turn++) {
      const asked = admission({ leases: wanted });
      expect(await rig.counters.admit(asked)).toMatchObject({ kind: 'admitted' });
      settle(asked);
    }
  });

  test('one that nobody renews ends by itself', async () => {
    const wanted = [{ key: newId('policy'), max: 1, ttlMillis: 600 }];
    expect(await ask({ leases: wanted })).toMatchObject({ kind: 'admitted' });
    expect(await ask({ leases: wanted })).toMatchObject({ kind: 'refused' });
    await rig.pass(601);
    await until(async () => isAdmitted(await ask({ leases: wanted })));
    expect(await ask({ leases: wanted })).toMatchObject({ kind: 'refused', check: 'lease' });
  });

  test('one that is renewed stays, whatever others of the same key last', async () => {
    const key = newId('policy');
    const kept = admission({ leases: [{ key, max: 2, ttlMillis: 1000 }] });
    await rig.counters.admit(kept);
    await ask({ leases: [{ key, max: 2, ttlMillis: 700 }] });
    for (let turn = 0; turn < 4; turn++) {
      await rig.pass(250);
      rig.counters.renew(kept);
    }
    const wanted = [{ key, max: 2, ttlMillis: 60_000 }];
    await until(async () => isAdmitted(await ask({ leases: wanted })));
    rig.counters.renew(kept);
    await rig.pass(300);
    expect(await ask({ leases: wanted })).toMatchObject({ kind: 'refused', check: 'lease', used: 2 });
  });
}

function holds(): void {
  test('amounts are exact up to the largest limit there is', async () => {
    const key = newId('limit');
    const limit = AMOUNT_MAX;
    const large = admission({ holds: [hold({ key, limit, amount: limit - 1 })] });
    expect(await rig.counters.admit(large)).toMatchObject({ kind: 'admitted' });
    expect(await ask({ holds: [hold({ key, limit, amount: 2 })] })).toMatchObject({
      kind: 'refused',
      check: 'hold',
      used: 0,
      reserved: limit - 1,
      retryAfterMillis: 0,
    });
    settle(large, [limit - 3]);
    await until(async () => (await countsOf(key)).used === limit - 3);
    expect(await ask({ holds: [hold({ key, limit, amount: 4 })] })).toMatchObject({ kind: 'refused', used: limit - 3, reserved: 0 });
    expect(await ask({ holds: [hold({ key, limit, amount: 3 })] })).toMatchObject({ kind: 'admitted' });
  });

  test('of nothing is settled with what was really used, and the other settlements of its batch too', async () => {
    const [free, paid] = [newId('limit'), newId('limit')];
    const asked = [
      admission({ holds: [hold({ key: free, amount: 0 }), hold({ key: paid, amount: 10 })] }),
      admission({ holds: [hold({ key: paid, amount: 10 })] }),
    ];
    for (const one of asked) await rig.counters.admit(one);
    settle(asked[0], [5, 7]);
    settle(asked[1], [0]);
    await until(async () => (await countsOf(paid)).reserved === 0);
    expect(await countsOf(free)).toEqual({ used: 5, reserved: 0 });
    expect(await countsOf(paid)).toEqual({ used: 7, reserved: 0 });
  });

  test('that were settled with less leave the rest to the very next request', async () => {
    const key = newId('limit');
    for (let used = 0; used <= 9; used++) {
      const asked = admission({ holds: [hold({ key, amount: 100 - used, limit: 100 })] });
      expect(await rig.counters.admit(asked)).toMatchObject({ kind: 'admitted' });
      settle(asked, [1]);
    }
    expect(await countsOf(key)).toEqual({ used: 10, reserved: 0 });
  });

  test('that only observe admit, count, and say which would have refused', async () => {
    const key = newId('limit');
    const asked = admission({ holds: [hold({ key: newId('limit') }), hold({ key, amount: 11, limit: 10, observe: true })] });
    expect(await rig.counters.admit(asked)).toEqual({ kind: 'admitted', observedHolds: [1] });
    expect(await rig.counters.admit(asked)).toEqual({ kind: 'admitted', observedHolds: [1] });
    expect(await countsOf(key)).toEqual({ used: 0, reserved: 11 });
  });

  test('used and reserved are those of a simple model, whatever is asked, asked again, settled and settled again', async () => {
    const step = fc.record({
      request: fc.nat(7),
      window: fc.nat(1),
      amount: fc.nat(40),
      actual: fc.nat(40),
      action: fc.constantFrom('admit', 'admit', 'extend', 'settle'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const keys = [newId('limit'), newId('limit')];
        const model = keys.map(() => ({ used: 0, reserved: 0 }));
        const open = new Map<number, { asked: Admission; window: number; amount: number }>();
        for (const { request, window, amount, actual, action } of steps) {
          const counts = model[window] ?? { used: 0, reserved: 0 };
          const known = open.get(request);
          if (action === 'extend') {
            if (known === undefined) continue;
            const held = model[known.window] ?? counts;
            const longer = { heldAmounts: [known.amount + amount], intent: 'longer' };
            const [answer, again] = await Promise.all([rig.counters.extend(known.asked, longer), rig.counters.extend(known.asked, longer)]);
            expect(isAdmitted(answer)).toBe(amount === 0 || held.used + held.reserved + amount <= 100);
            expect(again).toEqual(answer);
            if (!isAdmitted(answer)) continue;
            held.reserved += amount;
            known.amount += amount;
            continue;
          }
          if (action === 'settle') {
            if (known === undefined) continue;
            settle(known.asked, [Math.min(actual, known.amount)]);
            settle(known.asked, [known.amount]);
            open.delete(request);
            const held = model[known.window] ?? counts;
            held.reserved -= known.amount;
            held.used += Math.min(actual, known.amount);
            await until(async () => (await countsOf(keys[known.window] ?? '')).reserved === held.reserved);
            continue;
          }
          const asked = known?.asked ?? admission({ holds: [hold({ key: keys[window] ?? '', amount, limit: 100 })] });
          const [answer, again] = await Promise.all([rig.counters.admit(asked), rig.counters.admit(asked)]);
          expect(again).toEqual(answer);
          if (known !== undefined) expect(isAdmitted(answer)).toBe(true);
          else expect(isAdmitted(answer)).toBe(counts.used + counts.reserved + amount <= 100);
          if (known !== undefined || !isAdmitted(answer)) continue;
          counts.reserved += amount;
          open.set(request, { asked, window, amount });
        }
        expect(await Promise.all(keys.map(countsOf))).toEqual(model);
      }),
      { numRuns: 60 },
    );
  });

  test('however many nodes ask at once, no more is held than the limit', async () => {
    const key = newId('limit');
    const answers = await Promise.all(Array.from({ length: 500 }, (_, index) => ask({ holds: [hold({ key, amount: 1 + (index % 7), limit: 333 })] })));
    const { reserved } = await countsOf(key);
    expect(reserved).toBeLessThanOrEqual(333);
    expect(reserved).toBeGreaterThan(333 - 7);
    expect(answers.filter(isAdmitted).length).toBeGreaterThan(50);
  });
}

function rollover(): void {
  test('what a window left is there once in the next one, and in none after that', async () => {
    const [first, second, third] = [newId('limit'), newId('limit'), newId('limit')];
    settle(await admitted(hold({ key: first, amount: 30, limit: 100 })), [30]);
    await until(async () => (await countsOf(first)).used === 30);
    const asked = await admitted(hold({ key: second, previousKey: first, amount: 170, limit: 100 }));
    expect(await ask({ holds: [hold({ key: second, previousKey: first, amount: 1, limit: 100 })] })).toEqual({
      kind: 'refused',
      check: 'hold',
      index: 0,
      used: 0,
      reserved: 170,
      carriedOver: 70,
      retryAfterMillis: 0,
    });
    settle(asked, [20]);
    await until(async () => (await countsOf(second)).used === 20);
    expect(await ask({ holds: [hold({ key: third, previousKey: second, amount: 181, limit: 100 })] })).toMatchObject({ kind: 'refused', carriedOver: 80 });
    expect(await ask({ holds: [hold({ key: third, previousKey: second, amount: 180, limit: 100 })] })).toMatchObject({ kind: 'admitted' });
  });

  test('a window that nothing was used of leaves all of it, and one that was overdrawn leaves nothing', async () => {
    const [overdrawn, next] = [newId('limit'), newId('limit')];
    expect(await ask({ holds: [hold({ previousKey: newId('limit'), amount: 200, limit: 100 })] })).toMatchObject({ kind: 'admitted' });
    await admitted(hold({ key: overdrawn, amount: 150, limit: 100, observe: true }));
    expect(await ask({ holds: [hold({ key: next, previousKey: overdrawn, amount: 101, limit: 100 })] })).toMatchObject({ kind: 'refused', carriedOver: 0 });
    expect(await ask({ holds: [hold({ key: next, previousKey: overdrawn, amount: 100, limit: 100 })] })).toMatchObject({ kind: 'admitted' });
  });

  test('is exact up to the largest limit that may have it, however many ask at once', async () => {
    const [first, second] = [newId('limit'), newId('limit')];
    const limit = (AMOUNT_MAX - 1) / 2;
    await admitted(hold({ key: first, amount: limit - 100, limit }));
    await admitted(hold({ key: second, previousKey: first, amount: limit, limit }));
    const answers = await Promise.all(Array.from({ length: 150 }, () => ask({ holds: [hold({ key: second, previousKey: first, amount: 1, limit })] })));
    expect(answers.filter(isAdmitted)).toHaveLength(100);
  });

  test('windows in a row hold what a simple model holds, whatever is asked and settled in which of them', async () => {
    const step = fc.record({ window: fc.nat(3), amount: fc.nat(90), actual: fc.nat(90), isSettled: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const keys = Array.from({ length: 4 }, () => newId('limit'));
        const model = keys.map(() => ({ used: 0, reserved: 0 }));
        for (const { window, amount, actual, isSettled } of steps) {
          const counts = model[window] ?? { used: 0, reserved: 0 };
          const before = model[window - 1];
          const carriedOver = before === undefined ? 0 : Math.max(0, 100 - before.used - before.reserved);
          const asked = admission({ holds: [hold({ key: keys[window] ?? '', previousKey: keys[window - 1], amount, limit: 100 })] });
          const answer = await rig.counters.admit(asked);
          const { used, reserved } = counts;
          if (used + reserved + amount > 100 + carriedOver) expect(answer).toMatchObject({ kind: 'refused', used, reserved, carriedOver });
          else expect(answer).toMatchObject({ kind: 'admitted' });
          if (!isAdmitted(answer)) continue;
          counts.reserved += amount;
          if (!isSettled) continue;
          settle(asked, [Math.min(actual, amount)]);
          counts.reserved -= amount;
          counts.used += Math.min(actual, amount);
          await until(async () => (await countsOf(keys[window] ?? '')).reserved === counts.reserved);
        }
        expect(await Promise.all(keys.map(countsOf))).toEqual(model);
      }),
      { numRuns: 60 },
    );
  });
}

function extensions(): void {
  const extend = (asked: Admission, ...heldAmounts: number[]) => rig.counters.extend(asked, { heldAmounts, intent: `longer ${asked.requestId}` });

  test('holds more in every window, asked again nothing more, and the settlement gives all of it back', async () => {
    const keys = [newId('limit'), newId('limit')];
    const asked = admission({ holds: keys.map((key) => hold({ key, amount: 10, limit: 100 })) });
    await rig.counters.admit(asked);
    for (const amounts of [
      [30, 10],
      [30, 10],
      [100, 25],
      [60, 25],
    ])
      expect(await extend(asked, ...amounts)).toMatchObject({ kind: 'admitted' });
    expect(await Promise.all(keys.map(countsOf))).toEqual([
      { used: 0, reserved: 100 },
      { used: 0, reserved: 25 },
    ]);
    expect(await rig.counters.admit(asked)).toEqual({ kind: 'admitted', observedHolds: [] });
    settle(asked, [77, 11]);
    settle(asked, [77, 11]);
    await until(async () => (await countsOf(keys[0] ?? '')).reserved === 0);
    expect(await Promise.all(keys.map(countsOf))).toEqual([
      { used: 77, reserved: 0 },
      { used: 11, reserved: 0 },
    ]);
  });

  test('that one window has no room for takes nothing in any, and says how much room there is', async () => {
    const [wide, narrow, observed] = [newId('limit'), newId('limit'), newId('limit')];
    const asked = admission({
      holds: [hold({ key: wide, amount: 5 }), hold({ key: narrow, amount: 5, limit: 20 }), hold({ key: observed, amount: 5, limit: 6, observe: true })],
    });
    await rig.counters.admit(asked);
    expect(await extend(asked, 30, 21, 30)).toEqual({ kind: 'refused', check: 'hold', index: 1, used: 0, reserved: 5, carriedOver: 0, retryAfterMillis: 0 });
    expect(await Promise.all([wide, narrow, observed].map(countsOf))).toEqual(Array.from({ length: 3 }, () => ({ used: 0, reserved: 5 })));
    expect(await extend(asked, 30, 20, 30)).toMatchObject({ kind: 'admitted' });
  });

  test('may use what the window before has left', async () => {
    const [previousKey, key] = [newId('limit'), newId('limit')];
    const limit = 100;
    const before = admission({ holds: [hold({ key: previousKey, amount: 70, limit })] });
    await rig.counters.admit(before);
    const asked = admission({ holds: [hold({ key, previousKey, amount: 10, limit })] });
    await rig.counters.admit(asked);
    expect(await extend(asked, 131)).toMatchObject({ kind: 'refused', carriedOver: 30 });
    expect(await extend(asked, 130)).toMatchObject({ kind: 'admitted' });
  });

  test('of what is settled already is unavailable', async () => {
    const key = newId('limit');
    const asked = admission({ holds: [hold({ key, amount: 1 })] });
    await rig.counters.admit(asked);
    settle(asked, [1]);
    await until(async () => (await countsOf(key)).reserved === 0);
    await expect(extend(asked, 2)).rejects.toBeInstanceOf(CountersUnavailable);
  });
}

function admissions(): void {
  test('takes all or nothing: what one check refuses charges none of the others', async () => {
    const rates = [rate({ limit: 1 })];
    const lease = { key: newId('policy'), max: 1, ttlMillis: 60_000 };
    const [wide, narrow] = [newId('limit'), newId('limit')];
    const refused = await ask({ rates, leases: [lease], holds: [hold({ key: wide, amount: 1 }), hold({ key: narrow, amount: 2, limit: 1 })] });
    expect(refused).toEqual({ kind: 'refused', check: 'hold', index: 1, used: 0, reserved: 0, carriedOver: 0, retryAfterMillis: 0 });
    expect(await ask({ rates, leases: [lease], holds: [hold({ key: wide, amount: 1, limit: 1 })] })).toMatchObject({ kind: 'admitted' });
    expect(await ask({ rates })).toMatchObject({ kind: 'refused', check: 'rate' });
  });

  test('that is asked again gets the same answer and counts once', async () => {
    const rates = [rate({ limit: 2 }), rate({ limit: 2, burst: 2 })];
    const key = newId('limit');
    const asked = admission({ rates, leases: [{ key: newId('policy'), max: 1, ttlMillis: 60_000 }], holds: [hold({ key, amount: 10 })] });
    const answers = await Promise.all(Array.from({ length: 5 }, () => rig.counters.admit(asked)));
    answers.push(await rig.counters.admit(asked));
    for (const answer of answers) expect(answer).toEqual({ kind: 'admitted', observedHolds: [] });
    expect(await countsOf(key)).toEqual({ used: 0, reserved: 10 });
    expect(await ask({ rates })).toMatchObject({ kind: 'admitted' });
    expect(await ask({ rates })).toMatchObject({ kind: 'refused', check: 'rate' });
  });

  test('without an intent charges its rates and nothing else', async () => {
    const rates = [rate({ limit: 1 })];
    const lease = { key: newId('policy'), max: 1, ttlMillis: 60_000 };
    const key = newId('limit');
    expect(await ask({ rates, leases: [lease], holds: [hold({ key, amount: 5 })], intent: undefined })).toMatchObject({ kind: 'admitted' });
    expect(await ask({ rates })).toMatchObject({ kind: 'refused', check: 'rate' });
    expect(await ask({ leases: [lease] })).toMatchObject({ kind: 'admitted' });
    expect(await countsOf(key)).toEqual({ used: 0, reserved: 0 });
  });

  test('counts in its own organisation alone', async () => {
    const rates = [rate({ limit: 1 })];
    for (const other of [newId('organisation'), newId('organisation')]) expect(await ask({ organisationId: other, rates })).toMatchObject({ kind: 'admitted' });
  });
}

function observedChecks(): void {
  const observedRates = [{ check: 'rate', index: 0 }];

  test.each([undefined, 2])('of a rate with a burst of %s admits, tells of each call beyond it, and counts what it would have admitted', async (burst) => {
    const [key, enforced] = [newId('policy'), rate({ limit: 4 })];
    const observed = rate({ key, limit: 2, burst, observe: true });
    const answers = [];
    for (let call = 0; call < 4; call++) answers.push(await ask({ rates: [observed, enforced] }));
    expect(answers.map((answer) => answer.kind === 'admitted' && answer.observedChecks)).toEqual([undefined, undefined, observedRates, observedRates]);
    expect(await ask({ rates: [observed, enforced] })).toMatchObject({ kind: 'refused', check: 'rate', index: 1, used: 4 });
    // Two were counted, so a limit of three has room for one more.
    expect(await ask({ rates: [rate({ key, limit: 3, burst: burst === undefined ? undefined : 3 })] })).toMatchObject({ kind: 'admitted' });
    expect(await ask({ rates: [rate({ key, limit: 3, burst: burst === undefined ? undefined : 3 })] })).toMatchObject({ kind: 'refused' });
  });

  test('of a rate is also told of a request that is refused anyway', async () => {
    const rates = [rate({ limit: 0, observe: true })];
    expect(await ask({ rates, intent: undefined })).toEqual({ kind: 'admitted', observedHolds: [], observedChecks: observedRates });
  });

  test('of a lease admits, counts what is under way, and is given back', async () => {
    const leases = [{ key: newId('policy'), max: 1, ttlMillis: 60_000, observe: true }];
    const [first, second] = [admission({ leases }), admission({ leases })];
    expect(await rig.counters.admit(first)).toEqual({ kind: 'admitted', observedHolds: [] });
    expect(await rig.counters.admit(second)).toEqual({ kind: 'admitted', observedHolds: [], observedChecks: [{ check: 'lease', index: 0 }] });
    settle(first);
    settle(second);
    await until(async () => {
      const asked = admission({ leases });
      const answer = await rig.counters.admit(asked);
      settle(asked);
      return answer.kind === 'admitted' && answer.observedChecks === undefined;
    });
  });

  test('is told together with holds that observe, and again to whoever asks again', async () => {
    const rates = [rate({ limit: 5 }), rate({ limit: 0, observe: true })];
    const asked = admission({ rates, loops: [loop({ max: 1, calls: 2, observe: true })], holds: [hold({ amount: 2, limit: 1, observe: true })] });
    const expected = {
      kind: 'admitted',
      observedHolds: [0],
      observedChecks: [
        { check: 'rate', index: 1 },
        { check: 'loop', index: 0 },
      ],
    };
    expect(await rig.counters.admit(asked)).toEqual(expected);
    expect(await rig.counters.admit(asked)).toEqual(expected);
  });
}

function loops(): void {
  test('refuses the call that repeats once too often, and says until when', async () => {
    const repeated = loop({ max: 3, windowMillis: 400 });
    const answers = [];
    for (let call = 0; call < 4; call++) answers.push(await ask({ loops: [repeated] }));
    expect(answers.filter(isAdmitted)).toHaveLength(3);
    const { retryAfterMillis, ...refusal } = refusalIn(answers);
    expect(refusal).toEqual({ kind: 'refused', check: 'loop', index: 0, used: 3, reserved: 0, carriedOver: 0 });
    expect(retryAfterMillis).toBeGreaterThan(0);
    expect(retryAfterMillis).toBeLessThanOrEqual(400);
    await rig.pass(retryAfterMillis);
    expect(await ask({ loops: [repeated] })).toMatchObject({ kind: 'admitted' });
  });

  test('of 100 simultaneous calls admits exactly as many as may repeat', async () => {
    const repeated = loop({ max: 7 });
    const answers = await Promise.all(Array.from({ length: 100 }, () => ask({ loops: [repeated] })));
    expect(answers.filter(isAdmitted)).toHaveLength(7);
  });

  test('takes nothing of a call that a later check refuses', async () => {
    const repeated = loop({ max: 1 });
    expect(await ask({ loops: [repeated], holds: [hold({ limit: 0 })] })).toMatchObject({ kind: 'refused', check: 'hold' });
    expect(await ask({ loops: [repeated] })).toMatchObject({ kind: 'admitted' });
  });

  test('counts different items once each, and lets those pass that were there before', async () => {
    const fanOut = (...items: string[]) => ask({ loops: [loop({ key, kind: 'fan_out', max: 3, items: items.map((item) => item.padEnd(12, '_')) })] });
    const key = newId('policy');
    expect(await fanOut('one')).toMatchObject({ kind: 'admitted' });
    expect(await fanOut('one', 'two')).toMatchObject({ kind: 'admitted' });
    expect(await fanOut('three', 'four')).toMatchObject({ kind: 'refused', check: 'loop', used: 2 });
    expect(await fanOut('three')).toMatchObject({ kind: 'admitted' });
    expect(await fanOut('four')).toMatchObject({ kind: 'refused', check: 'loop', used: 3 });
    expect(await fanOut('two', 'one')).toMatchObject({ kind: 'admitted' });
  });

  test('is tripped by failures in a row, and one success begins the row anew', async () => {
    const streak = loop({ kind: 'error_streak', max: 2, windowMillis: 60_000 });
    const call = async (failed: boolean | undefined) => {
      const asked = admission({ loops: [streak] });
      const answer = await rig.counters.admit(asked);
      rig.counters.settle({ admission: asked, amounts: [], event: '', failed });
      await settled();
      return answer.kind;
    };
    for (const failed of [true, false, true, undefined]) expect(await call(failed)).toBe('admitted');
    expect(await call(true)).toBe('admitted');
    expect(await ask({ loops: [streak] })).toMatchObject({ kind: 'refused', check: 'loop', used: 2 });
  });

  test('forgives a streak some time after the last failure', async () => {
    const streak = loop({ kind: 'error_streak', max: 1, windowMillis: 300 });
    const asked = admission({ loops: [streak] });
    await rig.counters.admit(asked);
    rig.counters.settle({ admission: asked, amounts: [], event: '', failed: true });
    await settled();
    expect(await ask({ loops: [streak] })).toMatchObject({ kind: 'refused', check: 'loop' });
    await rig.pass(301);
    expect(await ask({ loops: [streak] })).toMatchObject({ kind: 'admitted' });
  });

  test('whatever calls come in whatever order, admits what a count of them by hand would', async () => {
    const call = fc.record({
      what: fc.constantFrom('a', 'b', 'c'),
      tools: fc.uniqueArray(fc.constantFrom('x', 'y', 'z'), { minLength: 1 }),
      failed: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(call, { maxLength: 30 }),
        fc.record({ repeats: fc.integer({ min: 1, max: 4 }), tools: fc.integer({ min: 1, max: 3 }), failures: fc.integer({ min: 1, max: 3 }) }),
        async (calls, max) => {
          const id = newId('policy');
          const byHand = { repeats: new Map<string, number>(), tools: new Set<string>(), failures: 0 };
          for (const { what, tools, failed } of calls) {
            const asked = admission({
              loops: [
                loop({ key: `${id}:${what}`, max: max.repeats }),
                loop({ key: `${id}:tools`, kind: 'fan_out', max: max.tools, items: tools.map((tool) => tool.repeat(12)) }),
                loop({ key: `${id}:streak`, kind: 'error_streak', max: max.failures }),
              ],
            });
            const repeats = byHand.repeats.get(what) ?? 0;
            const allTools = new Set([...byHand.tools, ...tools]);
            const broken = [repeats >= max.repeats, allTools.size > Math.max(max.tools, byHand.tools.size), byHand.failures >= max.failures].indexOf(true);
            const answer = await rig.counters.admit(asked);
            expect(answer.kind === 'refused' ? answer.index : -1).toBe(broken);
            if (broken !== -1) continue;
            byHand.repeats.set(what, repeats + 1);
            byHand.tools = allTools;
            byHand.failures = failed ? byHand.failures + 1 : 0;
            rig.counters.settle({ admission: asked, amounts: [], event: '', failed });
            await settled();
          }
        },
      ),
      { numRuns: 40 },
    );
  });
}

function looks(): void {
  test('says what every check has counted, and what an admission would be answered', async () => {
    const rates = [rate({ limit: 3 }), rate({ limit: 3, burst: 2 })];
    const leases = [{ key: newId('policy'), max: 5, ttlMillis: 60_000 }];
    const [previousKey, key] = [newId('limit'), newId('limit')];
    const asked = () => admission({ rates, leases, holds: [hold({ key, previousKey, amount: 4, limit: 10 })] });
    await rig.counters.admit(admission({ holds: [hold({ key: previousKey, amount: 7, limit: 10 })] }));
    await rig.counters.admit(asked());
    expect(await rig.counters.peek(asked())).toEqual({
      answer: { kind: 'admitted', observedHolds: [] },
      rates: [1, 1],
      leases: [1],
      holds: [{ used: 0, reserved: 4, carriedOver: 3 }],
    });
  });

  test('sees nothing where nothing was counted', async () => {
    const asked = admission({ rates: [rate({ limit: 0 })], leases: [], holds: [hold({ key: newId('limit'), amount: 1 })] });
    expect(await rig.counters.peek(asked)).toMatchObject({
      answer: { kind: 'refused', check: 'rate', used: 0 },
      rates: [0],
      holds: [{ used: 0, reserved: 0 }],
    });
  });

  test('before any admission is answered as the admission then is, and takes nothing of anything', async () => {
    const asking = fc.record({ amount: fc.nat(40), rated: fc.nat(2), leased: fc.boolean(), looks: fc.integer({ min: 1, max: 3 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(asking, { minLength: 1, maxLength: 12 }), async (steps) => {
        // Long windows, so that nothing comes back while the test goes on.
        const rates = [rate({ limit: 6, windowMillis: 86_400_000 }), rate({ limit: 8, windowMillis: 86_400_000, burst: 4 })];
        const leases = [{ key: newId('policy'), max: 7, ttlMillis: 60_000 }];
        const [key, observed] = [newId('limit'), newId('limit')];
        const counts = { sliding: 0, pace: 0, leases: 0, reserved: 0 };
        for (const { amount, rated, leased, looks: times } of steps) {
          const holds = [hold({ key, amount, limit: 100 }), hold({ key: observed, amount, limit: 50, observe: true })];
          const asked = admission({ rates: rates.slice(0, rated), leases: leased ? leases : [], holds });
          const peeks = await Promise.all(Array.from({ length: times }, () => rig.counters.peek(asked)));
          const answer = await rig.counters.admit(asked);
          for (const peek of peeks) {
            expect(withoutWait(peek.answer)).toEqual(withoutWait(answer));
            expect(peek.rates).toEqual([counts.sliding, counts.pace].slice(0, rated));
            expect(peek.leases).toEqual(leased ? [counts.leases] : []);
            expect(peek.holds.map(({ reserved }) => reserved)).toEqual([counts.reserved, counts.reserved]);
          }
          if (!isAdmitted(answer)) continue;
          if (rated > 0) counts.sliding++;
          if (rated > 1) counts.pace++;
          if (leased) counts.leases++;
          counts.reserved += amount;
        }
      }),
      { numRuns: 60 },
    );
  });
}

/** Time goes on between a look and what it foretells. */
function withoutWait(answer: AdmissionAnswer): AdmissionAnswer {
  return answer.kind === 'refused' ? { ...answer, retryAfterMillis: 0 } : answer;
}

function events(): void {
  test('of settlements and of refusals arrive, of known organisations and of nobody, and of a request what was told first comes first', async () => {
    const expected = new Set<string>();
    const asked = await Promise.all(
      Array.from({ length: 300 }, async (_, index) => {
        const one = admission({ organisationId: index % 3 === 0 ? organisationId : newId('organisation') });
        await rig.counters.admit(one);
        return one;
      }),
    );
    for (const one of asked) {
      rig.counters.settle({ admission: one, amounts: [], event: `settled ${one.requestId}` });
      rig.counters.settle({ admission: one, amounts: [], event: `settled again ${one.requestId}` });
      rig.counters.record(one.organisationId, `recorded ${one.requestId}`);
      rig.counters.record(null, `of nobody ${one.requestId}`);
      for (const what of ['settled', 'settled again', 'recorded', 'of nobody']) expected.add(`${what} ${one.requestId}`);
    }
    const found = await eventsUntil(({ length }) => length >= expected.size);
    expect(found).toHaveLength(expected.size);
    expect(new Set(found)).toEqual(expected);
    for (const { requestId } of asked) expect(found.indexOf(`settled ${requestId}`)).toBeLessThan(found.indexOf(`settled again ${requestId}`));
    await rig.counters.flushed();
    expect(rig.counters.backlog).toBe(0);
  });

  test('that are read and not acknowledged are delivered again', async () => {
    rig.counters.record(organisationId, 'read twice');
    let first = await rig.source.read(10, 100);
    while (first.length === 0) first = await rig.source.read(10, 100);
    expect(await rig.source.read(10, 100)).toEqual(first);
    await rig.source.acknowledge(first);
    expect(await rig.source.read(10, 0)).toEqual([]);
  });
}

const rate = (given: Partial<RateCheck>): RateCheck => ({ key: newId('policy'), limit: 1, windowMillis: 60_000, burst: undefined, ...given });
const loop = (given: Partial<LoopCheck>): LoopCheck => ({
  kind: 'repeated_calls',
  key: newId('policy'),
  max: 1,
  windowMillis: 60_000,
  observe: false,
  calls: 1,
  items: [],
  ...given,
});
/** What an admission holds in one window. */
interface Hold extends HoldCheck {
  readonly amount: number;
}

const hold = (given: Partial<Hold>): Hold => ({
  key: newId('limit'),
  previousKey: undefined,
  amount: 1,
  limit: 1_000_000,
  observe: false,
  expireAtMillis: LATER,
  ...given,
});

type Asked = Partial<Omit<Admission, 'holds' | 'heldAmounts'>> & { readonly holds?: readonly Hold[] };

function admission({ holds = [], ...given }: Asked): Admission {
  const requestId = newId('usageRecord');
  return { organisationId, requestId, rates: [], leases: [], holds, heldAmounts: holds.map(({ amount }) => amount), intent: `lost ${requestId}`, ...given };
}

function ask(given: Asked): Promise<AdmissionAnswer> {
  return rig.counters.admit(admission(given));
}

async function admitted(wanted: Hold): Promise<Admission> {
  const asked = admission({ holds: [wanted] });
  expect(await rig.counters.admit(asked)).toMatchObject({ kind: 'admitted' });
  return asked;
}

function settle(asked: Admission | undefined, amounts: readonly number[] = []): void {
  if (asked !== undefined) rig.counters.settle({ admission: asked, amounts, event: '' });
}

function isAdmitted(answer: AdmissionAnswer): boolean {
  return answer.kind === 'admitted';
}

function refusalIn(answers: readonly AdmissionAnswer[]): Extract<AdmissionAnswer, { kind: 'refused' }> {
  const refusal = answers.find((answer) => answer.kind === 'refused');
  if (refusal === undefined) throw new Error('nothing was refused');
  return refusal;
}

/** Asks for more than any limit has, so that the refusal tells the counts. */
async function countsOf(key: string): Promise<{ used: number; reserved: number }> {
  const { used, reserved } = refusalIn([await ask({ holds: [hold({ key, amount: 1, limit: -1 })] })]);
  return { used, reserved };
}

/** Events of earlier tests are empty, or of requests that nobody settled. */
async function eventsUntil(isEnough: (found: readonly string[]) => boolean): Promise<string[]> {
  const found: string[] = [];
  while (!isEnough(found)) {
    const deliveries = await rig.source.read(100, 1000);
    found.push(...deliveries.map(({ json }) => json).filter((json) => json !== '' && !json.startsWith('lost')));
    await rig.source.acknowledge(deliveries);
  }
  return found;
}

/** Resolves when everything that was settled counts; in memory that is known once the events are taken. */
async function settled(): Promise<void> {
  const over = new AbortController();
  const flushed = rig.counters.flushed().finally(() => over.abort());
  while (!over.signal.aborted) await rig.source.acknowledge(await rig.source.read(100, 10));
  await flushed;
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await rig.pass(1);
}

/** Asks again and again until so many were admitted; answers between which moments each of them was. */
async function hammer(rates: readonly RateCheck[], count: number): Promise<{ from: number; to: number }[]> {
  const admitted: { from: number; to: number }[] = [];
  for (let turn = 0; admitted.length < count; turn++) {
    const from = rig.now();
    const answers = await Promise.all(Array.from({ length: 1 + (turn % 5) }, () => ask({ rates })));
    const to = rig.now();
    for (const answer of answers) if (isAdmitted(answer)) admitted.push({ from, to });
    await rig.pass(1 + ((turn * 7) % 5));
  }
  return admitted;
}

/** Of so many admitted in a row, the shortest time that can lie between the first and the last. */
function shortestSpanOf(admitted: readonly { from: number; to: number }[], length: number): number {
  const spans = admitted.slice(length - 1).map(({ to }, index) => to - (admitted[index]?.from ?? 0));
  return Math.min(...spans);
}

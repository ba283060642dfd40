/** What a hold promises: used and reserved are exact, whatever is asked and settled. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Admission } from '../../../data-plane/counters/counters.ts';
import { newId } from '../../../shared/ids.ts';
import { admission, ask, countsOf, hold, isAdmitted, rig, settle, until } from './rig.ts';

const AMOUNT_MAX = 9_007_199_254_740_991;

export function holds(): void {
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

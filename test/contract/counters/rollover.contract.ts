/** What a window promises to the next one. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newId } from '../../../shared/ids.ts';
import { admission, admitted, ask, countsOf, hold, isAdmitted, rig, settle, until } from './rig.ts';

const AMOUNT_MAX = 9_007_199_254_740_991;

export function rollover(): void {
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

/** What an extension promises of a hold that turned out too small. */
import { expect, test } from 'vitest';
import { CountersUnavailable, type Admission } from '../../../data-plane/counters/counters.ts';
import { newId } from '../../../shared/ids.ts';
import { admission, countsOf, hold, rig, settle, until } from './rig.ts';

export function extensions(): void {
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

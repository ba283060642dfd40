/** What an admission promises of all its checks together, enforced and observed. */
import { expect, test } from 'vitest';
import { newId } from '../../../shared/ids.ts';
import { admission, ask, countsOf, hold, loop, rate, rig, settle, until } from './rig.ts';

export function admissions(): void {
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

export function observedChecks(): void {
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

/** What a lease promises: how many are under way, until when, and who makes room. */
import { expect, test } from 'vitest';
import { newId } from '../../../shared/ids.ts';
import { admission, ask, isAdmitted, refusalIn, rig, settle, until } from './rig.ts';

export function leases(): void {
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

/** What a look promises of the admission that may follow it. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AdmissionAnswer } from '../../../data-plane/counters/counters.ts';
import { newId } from '../../../shared/ids.ts';
import { admission, hold, isAdmitted, rate, rig } from './rig.ts';

export function looks(): void {
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

/** What a rate promises, without a burst and with one. */
import { expect, test } from 'vitest';
import type { RateCheck } from '../../../data-plane/counters/counters.ts';
import { newId } from '../../../shared/ids.ts';
import { ask, isAdmitted, rate, refusalIn, rig } from './rig.ts';

export function slidingRates(): void {
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

export function burstRates(): void {
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

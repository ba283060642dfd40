/** What a breaker against loops promises. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newId } from '../../../shared/ids.ts';
import type { LoopKind } from '../../../shared/policy-rules.ts';
import { admission, ask, hold, isAdmitted, loop, refusalIn, rig, settled } from './rig.ts';

export function loops(): void {
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

  test('judges and settles batches that are looked at for each of their calls, however many come at once', async () => {
    const checks = (kind: LoopKind) => Array.from({ length: 100 }, () => loop({ kind }));
    const batches = Array.from({ length: 100 }, () => admission({ loops: [...checks('repeated_calls'), ...checks('error_streak')] }));
    const answers = await Promise.all(batches.map((batch) => rig.counters.admit(batch)));
    expect(answers.filter(isAdmitted)).toHaveLength(batches.length);
    for (const batch of batches) rig.counters.settle({ admission: batch, amounts: [], event: '', failed: true });
    await settled();
    for (const { loops: [first] = [] } of batches) expect(await ask({ loops: first === undefined ? [] : [first] })).toMatchObject({ check: 'loop', used: 1 });
    for (const { loops = [] } of batches) expect(await ask({ loops: loops.slice(-1) })).toMatchObject({ check: 'loop', used: 1 });
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

/** However a range is cut, what is added and taken away again is the range, and little of it is single records. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DAY_MILLIS, HOUR_MILLIS } from '../../../control-plane/usage/usage-buckets.ts';
import { partsOf, type Part } from '../../../control-plane/usage/usage-parts.ts';

const START = Date.UTC(2026, 10, 20);

const anySpan = fc
  .tuple(fc.nat(40 * DAY_MILLIS), fc.integer({ min: 1, max: 40 * DAY_MILLIS }), fc.nat(80 * DAY_MILLIS))
  .map(([from, length, asked]) => ({ gte: new Date(START + from), lt: new Date(START + from + length), askedAt: new Date(START + asked) }));
const anyCutting = fc.record({ longest: fc.constantFrom('records' as const, 'hours' as const, 'days' as const), onlyAdds: fc.boolean() });

/** How often a moment is in the parts. */
function timesIn(parts: readonly Part[], moment: number): number {
  return parts.reduce((times, { gte, lt, sign }) => times + (moment >= gte && moment < lt ? sign : 0), 0);
}

test('every moment of the range is in it once, and no other is in it', () => {
  fc.assert(
    fc.property(anySpan, anyCutting, (span, cutting) => {
      const parts = partsOf(span, cutting);
      const [gte, lt] = [span.gte.getTime(), span.lt.getTime()];
      for (const bound of [gte, lt, ...parts.flatMap((part) => [part.gte, part.lt])])
        for (const moment of [bound - 1, bound]) expect(timesIn(parts, moment)).toBe(moment >= gte && moment < lt ? 1 : 0);
    }),
  );
});

test('sums are read in whole units, and none is taken away when only adding is allowed', () => {
  fc.assert(
    fc.property(anySpan, anyCutting, (span, cutting) => {
      for (const { table, gte, lt, sign } of partsOf(span, cutting)) {
        const unit = { records: 1, usage_hours: HOUR_MILLIS, usage_days: DAY_MILLIS }[table];
        expect([gte % unit, lt % unit]).toEqual([0, 0]);
        if (cutting.onlyAdds) expect(sign).toBe(1);
      }
    }),
  );
});

test('of each end at most half an hour is read record by record, and nothing of an end that is now', () => {
  fc.assert(
    fc.property(anySpan, (span) => {
      fc.pre(span.lt.getTime() - span.gte.getTime() > 2 * HOUR_MILLIS);
      const lengths = (askedAt: Date) =>
        partsOf({ ...span, askedAt }, { longest: 'days', onlyAdds: false })
          .filter(({ table }) => table === 'records')
          .map((part) => Math.min(part.lt, askedAt.getTime()) - Math.min(part.gte, askedAt.getTime()));
      expect(Math.max(0, ...lengths(new Date(START + 100 * DAY_MILLIS)))).toBeLessThanOrEqual(HOUR_MILLIS / 2);
      expect(lengths(span.lt).filter((length) => length > 0).length).toBeLessThanOrEqual(1);
    }),
  );
});

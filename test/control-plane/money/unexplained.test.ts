/** What of a difference between counters and records is known, and what nothing explains. */
import { describe, expect, test } from 'vitest';
import { isExplained, notCountedOf, unexplainedNanosOf, unexplainedOf, type ComparedWindow } from '../../../control-plane/money/unexplained.ts';

const sum = (nanosUsd: string, calls = '2') => ({ calls, nanosUsd });
const AGREEING: ComparedWindow = {
  used: 70n,
  recorded: 100n,
  notCounted: 30n,
  reserved: 5n,
  underWay: 5n,
  rolledUp: { records: sum('100'), hours: sum('100'), days: sum('100') },
};
const judged = (given: Partial<ComparedWindow>, metric: 'NANO_USD' | 'REQUESTS' = 'NANO_USD') => {
  const unexplained = unexplainedOf({ ...AGREEING, ...given }, metric);
  return { nanos: unexplainedNanosOf(unexplained, metric), isExplained: isExplained(unexplained) };
};

describe('a window', () => {
  test.each([
    ['agrees', {}, 0n],
    ['counts more than its records', { used: 75n }, 5n],
    ['counts less', { used: 60n }, 10n],
    ['holds more than its calls', { reserved: 9n }, 4n],
    ['holds less', { reserved: 0n }, 5n],
    ['has sums per hour of more than its records', { rolledUp: { ...AGREEING.rolledUp, hours: sum('107') } }, 7n],
    ['has sums per day of less', { rolledUp: { ...AGREEING.rolledUp, days: sum('88') } }, 12n],
    ['is off in several ways', { used: 75n, reserved: 0n, rolledUp: { ...AGREEING.rolledUp, hours: sum('60'), days: sum('101') } }, 40n],
  ])('that %s', (_, given, nanos) => {
    expect(judged(given)).toEqual({ nanos, isExplained: nanos === 0n });
  });

  test('of which a request is missing in a sum is not explained, whatever it cost', () => {
    expect(judged({ rolledUp: { ...AGREEING.rolledUp, days: sum('100', '1') } })).toEqual({ nanos: 0n, isExplained: false });
  });

  test('of a quota may count otherwise than its records say, and holds what its calls hold', () => {
    expect(judged({ used: 75n }, 'REQUESTS')).toEqual({ nanos: 0n, isExplained: true });
    expect(judged({ reserved: 6n }, 'REQUESTS')).toEqual({ nanos: 0n, isExplained: false });
  });
});

describe('what was not counted', () => {
  const before = { epoch: 'one', recorded: 50n, notCounted: 10n };
  const of = (used: bigint, recorded: bigint, isNew: boolean, epoch = 'one') => notCountedOf({ used, recorded, epoch }, before, isNew);

  test('stays as it is under a limit that all nodes know', () => {
    expect(of(40n, 100n, false)).toBe(10n);
    expect(of(100n, 100n, false)).toBe(10n);
  });

  test('grows while the limit is new to nodes, by no more than was recorded since', () => {
    expect(of(60n, 100n, true)).toBe(40n);
    expect(of(90n, 100n, true)).toBe(10n);
    expect(of(0n, 100n, true)).toBe(60n);
    expect(of(0n, 40n, true)).toBe(10n);
  });

  test('begins with what the first comparison of a new limit finds, and of another with nothing', () => {
    expect(notCountedOf({ used: 60n, recorded: 100n, epoch: 'one' }, undefined, true)).toBe(40n);
    expect(notCountedOf({ used: 60n, recorded: 100n, epoch: 'one' }, undefined, false)).toBe(0n);
  });

  test('is counted in when windows were lost, and then no more than before', () => {
    expect(of(100n, 100n, false, 'two')).toBe(0n);
    expect(of(95n, 100n, false, 'two')).toBe(5n);
    expect(of(60n, 100n, false, 'two')).toBe(10n);
  });
});

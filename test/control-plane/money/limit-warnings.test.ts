/** A window tells each share of its limit once, when it is reached to the unit, whatever holds come and go in between. */
import { describe, expect, test } from 'vitest';
import { lookAt, type SeenWindow } from '../../../control-plane/money/limit-warnings.ts';
import type { LimitWindowType } from '../../../control-plane/money/limit.types.ts';

describe('a share of a limit', () => {
  const limit = { warnAtPercent: [50, 80, 100] };
  const windowWith = (used: number, given: Partial<LimitWindowType> = {}): LimitWindowType => ({
    startsAt: new Date(0),
    endsAt: new Date(1),
    limit: '1000',
    used: String(used),
    reserved: '0',
    remaining: '0',
    carriedOver: '0',
    projectedExhaustionAt: null,
    ...given,
  });

  /** What is told of windows one after the other. */
  function toldOf(windows: readonly LimitWindowType[]): (number | null)[] {
    let before: SeenWindow | undefined;
    return windows.map((window) => {
      const { now, crossedPercent } = lookAt(limit, window, before);
      before = now;
      return crossedPercent;
    });
  }

  test('is told once, when it is reached to the unit, and of several only the highest', () => {
    expect(toldOf([0, 499, 500, 501, 799, 1000, 1000].map((used) => windowWith(used)))).toEqual([null, null, 50, null, null, 100, null]);
  });

  test('counts what is held, and is not told again when a hold comes back smaller', () => {
    expect(toldOf([windowWith(400, { reserved: '100' }), windowWith(410), windowWith(500), windowWith(800)])).toEqual([50, null, null, 80]);
  });

  test('is one of limit and carry together', () => {
    expect(toldOf([windowWith(999, { carriedOver: '1000' }), windowWith(1000, { carriedOver: '1000' })])).toEqual([null, 50]);
  });

  test('is told anew in the next window', () => {
    expect(toldOf([windowWith(600), windowWith(0, { startsAt: new Date(1) }), windowWith(600, { startsAt: new Date(1) })])).toEqual([50, null, 50]);
  });

  test('does not exist of nothing', () => {
    expect(toldOf([windowWith(5, { limit: '0' })])).toEqual([null]);
  });
});

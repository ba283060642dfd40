/** Which limits count a call, in which window, and for how long that window is remembered. */
import { describe, expect, test } from 'vitest';
import { HoldPlanner } from '../../../data-plane/policies/planned-holds.ts';
import type { Limit } from '../../../shared/limit.ts';
import { limit } from '../../support/domain.ts';

const DAY = 86_400_000;
const KEPT = 2 * DAY;
const MIDNIGHT = Date.UTC(2026, 5, 10);
const NOON = MIDNIGHT + DAY / 2;

function daily(id: string, given: Partial<Limit> = {}): Limit {
  return limit('org_1', { id, ownerType: 'ORGANISATION', ownerId: 'org_1', metric: 'REQUESTS', amount: '100', period: 'DAILY', ...given });
}

function idsAt(limits: readonly Limit[], tools: readonly string[]): string[] {
  return new HoldPlanner(limits).at(NOON, tools).limits.map(({ limit: { id } }) => id);
}

describe('a limit of a tool', () => {
  const limits = [daily('all'), daily('of echo', { tool: 'echo' }), daily('of fail', { tool: 'fail' })];

  test.each([
    [[], ['all']],
    [['other'], ['all']],
    [['echo'], ['all', 'of echo']],
    [
      ['other', 'fail', 'echo', 'echo'],
      ['all', 'of echo', 'of fail'],
    ],
  ])('for a call of %j counts are %j', (tools, expected) => {
    expect(idsAt(limits, tools)).toEqual(expected);
  });

  test('is the same object from call to call', () => {
    const planner = new HoldPlanner(limits);
    expect(planner.at(NOON, ['echo'])).toBe(planner.at(NOON + 1, ['echo', 'other']));
    expect(planner.at(NOON, ['other'])).toBe(planner.at(NOON, []));
  });
});

test.each([
  ['none', [], 1],
  ['one that lets no room be taken ahead', [daily('one', { allotmentCalls: 100 }), daily('other')], 1],
  ['several that do', [daily('one', { allotmentCalls: 100 }), daily('other', { allotmentCalls: 20 })], 20],
  ['one that only observes beside', [daily('one', { allotmentCalls: 100 }), daily('other', { mode: 'OBSERVE' })], 100],
  ['one that only observes alone', [daily('one', { allotmentCalls: 100, mode: 'OBSERVE' })], 1],
])('under %s room is taken for as many calls as every enforced limit allows', (_, limits, expected) => {
  expect(new HoldPlanner(limits).at(NOON, []).allotmentCalls).toBe(expected);
});

describe('a window', () => {
  const checkAt = (given: Partial<Limit>, instantMillis: number) => new HoldPlanner([daily('lim_1', given)]).at(instantMillis, []).checks[0];

  test('is remembered until the one that follows is over, and calls of it have had time to settle', () => {
    expect(checkAt({}, NOON)).toEqual({
      key: `lim_1:${MIDNIGHT}`,
      previousKey: undefined,
      limit: 100,
      observe: false,
      expireAtMillis: MIDNIGHT + 2 * DAY + KEPT,
    });
  });

  test('with rollover knows the one before', () => {
    expect(checkAt({ rollover: true }, NOON)).toMatchObject({ key: `lim_1:${MIDNIGHT}`, previousKey: `lim_1:${MIDNIGHT - DAY}` });
  });

  test('gives way to the next one on the instant, and comes back when the clock is set back', () => {
    const planner = new HoldPlanner([daily('lim_1', { rollover: true })]);
    const keyAt = (instantMillis: number) => planner.at(instantMillis, []).checks[0]?.key;
    expect(keyAt(MIDNIGHT + DAY - 1)).toBe(`lim_1:${MIDNIGHT}`);
    expect(keyAt(MIDNIGHT + DAY)).toBe(`lim_1:${MIDNIGHT + DAY}`);
    expect(keyAt(MIDNIGHT + DAY - 1)).toBe(`lim_1:${MIDNIGHT}`);
  });

  test('is none outside the schedule', () => {
    expect(checkAt({ startAtMillis: NOON + 1 }, NOON)).toBeUndefined();
    expect(checkAt({ endAtMillis: NOON }, NOON)).toBeUndefined();
  });
});

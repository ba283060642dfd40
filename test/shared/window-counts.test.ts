/** By which names windows are counted, and what one leaves to the next. */
import { expect, test } from 'vitest';
import type { Limit } from '../../shared/limit.ts';
import { windowAt } from '../../shared/schedule-window.ts';
import { readPackedWindow, restOf, windowKeysOf } from '../../shared/window-counts.ts';
import { limit } from '../support/domain.ts';

const DAY = 86_400_000;
const NOON = Date.UTC(2026, 5, 10, 12);
const MIDNIGHT = Date.UTC(2026, 5, 10);

function keysAt(given: Partial<Limit>, instantMillis: number): unknown {
  const some = limit('org_1', { id: 'lim_1', ownerType: 'ORGANISATION', ownerId: 'org_1', metric: 'REQUESTS', amount: '1', period: 'DAILY', ...given });
  const window = windowAt(some, instantMillis);
  return window === undefined ? undefined : windowKeysOf(some, window);
}

test('a window is named by its beginning, and the one before it only with rollover', () => {
  expect(keysAt({}, NOON)).toEqual({ key: `lim_1:${MIDNIGHT}`, previousKey: undefined });
  expect(keysAt({ rollover: true }, NOON)).toEqual({ key: `lim_1:${MIDNIGHT}`, previousKey: `lim_1:${MIDNIGHT - DAY}` });
});

test('a limit that counts since noon has counted nothing before, and leaves its first day to the second', () => {
  const begun = { rollover: true, countedSinceMillis: NOON };
  expect(keysAt(begun, NOON)).toEqual({ key: `lim_1:${NOON}`, previousKey: undefined });
  expect(keysAt(begun, NOON + DAY)).toEqual({ key: `lim_1:${MIDNIGHT + DAY}`, previousKey: `lim_1:${NOON}` });
});

test('a limit that counts since midnight has nothing left from the day before', () => {
  expect(keysAt({ rollover: true, countedSinceMillis: MIDNIGHT }, NOON)).toEqual({ key: `lim_1:${MIDNIGHT}`, previousKey: undefined });
});

test('before its schedule begins there is nothing to leave', () => {
  expect(keysAt({ rollover: true, startAtMillis: MIDNIGHT }, NOON)).toEqual({ key: `lim_1:${MIDNIGHT}`, previousKey: undefined });
});

test('what is used or held is not left, and less than nothing is nothing', () => {
  expect(restOf(100, { used: 30, reserved: 20 })).toBe(50);
  expect(restOf(100, { used: 130, reserved: 0 })).toBe(0);
});

test('packed counts are read to the last unit', () => {
  const packed = Buffer.alloc(24);
  packed.writeBigInt64LE(1n, 0);
  packed.writeBigInt64LE(9_007_199_254_740_991n, 8);
  packed.writeBigInt64LE(7n, 16);
  expect(readPackedWindow(packed)).toEqual({ used: 9_007_199_254_740_991, reserved: 7 });
});

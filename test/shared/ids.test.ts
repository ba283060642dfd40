/** Ids: typed, unique, and in the order of time. */
import { expect, test } from 'vitest';
import { idsFrom, isId, newId, timeOfId } from '../../shared/ids.ts';

test('ids are of their kind, and of no other', () => {
  const id = newId('mcpServer');
  expect(id).toMatch(/^srv_[0-9a-hjkmnp-tv-z]{26}$/);
  expect(isId('mcpServer', id)).toBe(true);
  expect(isId('apiKey', id)).toBe(false);
  expect(isId('mcpServer', 'srv_short')).toBe(false);
});

test('a hundred thousand ids of one instant are all different', () => {
  expect(new Set(Array.from({ length: 100_000 }, () => newId('request', 1_700_000_000_000))).size).toBe(100_000);
});

test('later ids sort behind earlier ones', () => {
  const ids = [0, 1, 1000, 1_700_000_000_000, 1_700_000_000_001, 4_000_000_000_000].map((millis) => newId('request', millis));
  expect(ids.toSorted()).toEqual(ids);
});

test('an id tells its time to the millisecond, and text that is none of that kind tells none', () => {
  for (const millis of [0, 1, 1_700_000_000_000, 2 ** 48 - 1]) expect(timeOfId('request', newId('request', millis))).toBe(millis);
  expect(timeOfId('request', newId('usageRecord'))).toBeUndefined();
  expect(timeOfId('request', 'req_short')).toBeUndefined();
});

test('ids of a moment and later sort behind its bound, and earlier ones in front of it', () => {
  const moment = 1_700_000_000_000;
  const bound = idsFrom('request', moment);
  expect(newId('request', moment - 1) < bound).toBe(true);
  expect(newId('request', moment) > bound).toBe(true);
});

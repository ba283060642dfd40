/** Guessing keys becomes slow, and nobody else does. */
import { expect, test } from 'vitest';
import { GuessLimiter } from '../../../data-plane/policies/guess-limiter.ts';

test('after its guesses an address waits for the rest of the minute, and others do not', () => {
  const limiter = new GuessLimiter(2);
  limiter.noteFailure('10.0.0.1', 1000);
  expect(limiter.waitMillis('10.0.0.1', 1000)).toBe(0);
  limiter.noteFailure('10.0.0.1', 2000);
  expect(limiter.waitMillis('10.0.0.1', 11_000)).toBe(50_000);
  expect(limiter.waitMillis('10.0.0.2', 11_000)).toBe(0);
  expect(limiter.waitMillis('10.0.0.1', 61_000)).toBe(0);
});

test('a flood of addresses does not push out one that guesses now', () => {
  const limiter = new GuessLimiter(1);
  for (let index = 0; index < 30_000; index++) limiter.noteFailure(`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`, index);
  limiter.noteFailure('192.0.2.1', 30_000);
  expect(limiter.waitMillis('192.0.2.1', 30_000)).toBeGreaterThan(0);
});

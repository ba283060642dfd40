/** A program that keeps dying is left alone for a while. */
import { expect, test } from 'vitest';
import { StdioBreaker } from '../../../data-plane/transports/stdio-breaker.ts';

const LIMITS = { deathsMax: 5, deathsWindowMillis: 60_000, pauseMillisMin: 5000, pauseMillisMax: 15_000 };

function breakerAt(start: number): { breaker: StdioBreaker; pass: (millis: number) => void; die: (times: number) => void } {
  let now = start;
  const breaker = new StdioBreaker({ now: () => now, elapsed: () => now }, LIMITS);
  const die = (times: number): void => {
    for (let death = 0; death < times; death++) breaker.recordDeath();
  };
  return { breaker, pass: (millis) => void (now += millis), die };
}

test('the fifth death within a minute begins a pause', () => {
  const { breaker, die } = breakerAt(1000);
  die(4);
  expect(breaker.pauseLeftMillis).toBe(0);
  die(1);
  expect(breaker.pauseLeftMillis).toBe(5000);
});

test('deaths that are further apart do not add up', () => {
  const { breaker, die, pass } = breakerAt(1000);
  for (let minute = 0; minute < 10; minute++) {
    die(4);
    pass(60_000);
  }
  expect(breaker.pauseLeftMillis).toBe(0);
});

test('each death after a pause doubles the next one, up to the longest', () => {
  const { breaker, die, pass } = breakerAt(1000);
  die(5);
  const pauses = [5000, 10_000, 15_000, 15_000].map((millis) => {
    const left = breaker.pauseLeftMillis;
    pass(millis);
    die(1);
    return left;
  });
  expect(pauses).toEqual([5000, 10_000, 15_000, 15_000]);
});

test('a minute without a death after the pause is a fresh start', () => {
  const { breaker, die, pass } = breakerAt(1000);
  die(5);
  pass(5000 + 60_000);
  die(4);
  expect(breaker.pauseLeftMillis).toBe(0);
  die(1);
  expect(breaker.pauseLeftMillis).toBe(5000);
});

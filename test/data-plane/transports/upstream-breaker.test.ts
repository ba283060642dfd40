/** When a server is left alone, for how long, and what lets calls go to it again. */
import { assert, array, constantFrom, integer, property, record } from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { BREAKER_LIMITS, UpstreamBreaker } from '../../../data-plane/transports/upstream-breaker.ts';
import { Refusal } from '../../../shared/refusal.ts';

const DOWN = new Refusal('upstream_error', 'unreachable');
const { failuresMax, windowMillis, pauseMillisMin, pauseMillisMax, trialMillis } = BREAKER_LIMITS;
let breaker: UpstreamBreaker;

beforeEach(() => {
  breaker = new UpstreamBreaker('files');
});

function fail(times: number, at: number): void {
  for (let count = 0; count < times; count++) breaker.failed(DOWN, at);
}

function isClosed(at: number): boolean {
  try {
    breaker.requireClosed(at);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'upstream_error', reason: 'circuit_open' });
    return false;
  }
}

test('calls go on until it has failed too often within the window', () => {
  fail(failuresMax - 1, 0);
  expect(isClosed(1)).toBe(true);
  fail(1, windowMillis);
  expect(isClosed(windowMillis)).toBe(true);
  fail(failuresMax - 1, windowMillis + 1);
  expect(isClosed(windowMillis + 1)).toBe(false);
});

test('a server that answers more often than it fails is never left alone', () => {
  for (let round = 0; round < 100; round++) {
    breaker.succeeded(round);
    breaker.succeeded(round);
    fail(1, round);
  }
  expect(isClosed(100)).toBe(true);
});

test('one call tries behind the pause, and the others wait for it', () => {
  fail(failuresMax, 0);
  expect(() => breaker.requireClosed(0)).toThrow(expect.objectContaining({ facts: { retryAfterSeconds: 1 } }));
  expect([isClosed(pauseMillisMin), isClosed(pauseMillisMin)]).toEqual([true, false]);
  breaker.succeeded(pauseMillisMin + 1);
  expect([isClosed(pauseMillisMin + 1), isClosed(pauseMillisMin + 1)]).toEqual([true, true]);
});

test('a try that fails makes the next pause longer, up to a limit', () => {
  fail(failuresMax, 0);
  let now = 0;
  for (let pause = pauseMillisMin; pause < 4 * pauseMillisMax; pause *= 2) {
    const length = Math.min(pause, pauseMillisMax);
    expect([isClosed(now + length - 1), isClosed(now + length)]).toEqual([false, true]);
    now += length;
    fail(1, now);
  }
});

test('a try that nobody waits for, or that takes too long, lets another one try', () => {
  fail(failuresMax, 0);
  expect(isClosed(pauseMillisMin)).toBe(true);
  breaker.abandoned();
  expect(isClosed(pauseMillisMin)).toBe(true);
  expect(isClosed(pauseMillisMin + trialMillis)).toBe(true);
});

test('what a server says although nobody likes it is a sign of life', () => {
  for (let count = 0; count < 100; count++) breaker.failed(new Refusal('upstream_error', 'response_too_large'), 0);
  expect(isClosed(0)).toBe(true);
});

test('whatever happens, it is never left alone for longer than the longest pause and a try', () => {
  const deed = record({ what: constantFrom('fail', 'succeed', 'ask', 'abandon'), after: integer({ min: 0, max: 40_000 }) });
  assert(
    property(array(deed, { maxLength: 200 }), (deeds) => {
      const any = new UpstreamBreaker('any');
      let now = 0;
      for (const { what, after } of deeds) {
        now += after;
        if (what === 'fail') any.failed(DOWN, now);
        else if (what === 'succeed') any.succeeded(now);
        else if (what === 'abandon') any.abandoned();
        else {
          try {
            any.requireClosed(now);
          } catch (error) {
            expect(error).toBeInstanceOf(Refusal);
          }
        }
      }
      any.requireClosed(now + pauseMillisMax + trialMillis);
    }),
  );
});

/** Ended sessions are remembered for as long as somebody may come back to one. */
import { expect, test } from 'vitest';
import { MemoryEndedSessions } from '../../../../data-plane/bridge/legacy-client/ended-sessions.ts';

test('for a day, and not for ever', () => {
  let millis = 0;
  const ended = new MemoryEndedSessions({ now: () => millis, elapsed: () => millis });
  ended.add('first');
  millis += 23 * 3_600_000;
  ended.add('second');
  expect([ended.has('first'), ended.has('second'), ended.has('third')]).toEqual([true, true, false]);
  millis += 2 * 3_600_000;
  expect([ended.has('first'), ended.has('second')]).toEqual([false, true]);
});

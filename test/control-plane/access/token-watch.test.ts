/** A socket ends when its token does: at the moment, however far off it is, and not before. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { watchToken, type SocketEnd } from '../../../control-plane/access/token-watch.ts';
import type { AdminCaller } from '../../../control-plane/access/caller.ts';
import { recordingLog } from '../../support/recording-log.ts';

const DAY_MILLIS = 86_400_000;

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }));
afterEach(() => void vi.useRealTimers());

/** What ends the socket of a token that is good for so many days, in the order it happens. */
function watched(days: number): { ends: SocketEnd[]; stop: () => void } {
  const caller: AdminCaller = {
    kind: 'admin',
    actor: { kind: 'ADMIN_TOKEN', id: 'adm_1' },
    organisationId: 'org_1',
    permissions: new Set(),
    expiresAtMillis: Date.now() + days * DAY_MILLIS,
  };
  const ends: SocketEnd[] = [];
  const stop = watchToken(caller, {
    authenticate: () => Promise.resolve(caller),
    end: (how) => void ends.push(how),
    // Nobody's access ever changes.
    notifications: { count: () => 0, nextAfter: () => Promise.withResolvers<void>().promise },
    log: recordingLog().log,
  });
  return { ends, stop };
}

test('a token that is good for a day ends its socket after a day', () => {
  const { ends } = watched(1);
  vi.advanceTimersByTime(DAY_MILLIS - 1);
  expect(ends).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(ends).toEqual([{ code: 4410, reason: 'Token expired' }]);
});

test('a token that is good for longer than a timer can run does not end its socket early', () => {
  const { ends, stop } = watched(60);
  vi.advanceTimersByTime(59 * DAY_MILLIS);
  expect(ends).toEqual([]);
  stop();
});

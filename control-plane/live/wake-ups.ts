/** Says again and again when it is time to look whether something is new: what every live reader waits for. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Notifications } from '../database/notifications.ts';

/** Should a notification be lost, the wait is not longer than this. */
const POLL_MILLIS = 2000;

export interface WakeUpTerms {
  readonly channel: string;
  readonly signal: AbortSignal;
  /** Looking more often than this would tell nobody anything. */
  readonly paceMillis?: number;
}

/** At once, and then whenever the channel was notified since the last look: whoever looks in between misses nothing. */
export async function* wakeUps(notifications: Pick<Notifications, 'count' | 'nextAfter'>, { channel, signal, paceMillis }: WakeUpTerms): AsyncGenerator<void> {
  while (!signal.aborted) {
    // Read before looking, so that a commit in between ends the wait that follows.
    const heard = notifications.count(channel);
    yield;
    await notifications.nextAfter(channel, heard, POLL_MILLIS, signal);
    if (paceMillis !== undefined && !signal.aborted) await wait(paceMillis, undefined, { ref: false });
  }
}

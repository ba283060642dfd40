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

export class WakeUps {
  readonly #notifications: Pick<Notifications, 'count' | 'nextAfter'>;
  readonly #terms: WakeUpTerms;
  #heard: number | undefined;

  constructor(notifications: Pick<Notifications, 'count' | 'nextAfter'>, terms: WakeUpTerms) {
    this.#notifications = notifications;
    this.#terms = terms;
  }

  /** True at once, and then whenever the channel was notified since the last look: whoever looks in between misses nothing. False when it is over. */
  async next(): Promise<boolean> {
    const { channel, signal, paceMillis } = this.#terms;
    if (this.#heard !== undefined && !signal.aborted) {
      await this.#notifications.nextAfter(channel, this.#heard, POLL_MILLIS, signal);
      if (paceMillis !== undefined && !signal.aborted) await wait(paceMillis, undefined, { ref: false });
    }
    // Read before looking, so that a commit in between ends the wait that follows.
    this.#heard = this.#notifications.count(channel);
    return !signal.aborted;
  }
}

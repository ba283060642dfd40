/** Keeps the leases and intents of long calls alive, from one timer for all of them. */
import type { Clock } from '../../shared/clock.ts';
import type { SpendHold } from '../evidence.ts';

const TICK_MILLIS = 1000;
/** Often enough for the intents of admitted calls, whatever leases they have. */
const RENEWAL_MILLIS_MAX = 10_000;

/** A call shorter than a tick is never looked at: it enters the map and leaves it. */
export class LeaseKeeper {
  readonly #clock: Clock;
  /** When each hold is due to be renewed, in monotonic milliseconds. */
  readonly #dueAt = new Map<SpendHold, number>();
  readonly #timer: NodeJS.Timeout;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#timer = setInterval(() => this.#renew(), TICK_MILLIS);
    this.#timer.unref();
  }

  /** `startedAt` is when the call arrived, in monotonic milliseconds. */
  keep(hold: SpendHold, startedAt: number): void {
    this.#dueAt.set(hold, startedAt + TICK_MILLIS);
  }

  forget(hold: SpendHold): void {
    this.#dueAt.delete(hold);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #renew(): void {
    const now = this.#clock.elapsed();
    for (const [hold, dueAt] of this.#dueAt) {
      if (dueAt > now) continue;
      hold.store.renew(hold.admission);
      this.#dueAt.set(hold, now + intervalOf(hold));
    }
  }
}

/** A third of the shortest lease, so that two renewals may fail. */
function intervalOf(hold: SpendHold): number {
  return Math.min(RENEWAL_MILLIS_MAX, ...hold.admission.leases.map(({ ttlMillis }) => ttlMillis / 3));
}

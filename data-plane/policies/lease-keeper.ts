/** Keeps the leases and intents of long calls alive, from one timer for all of them. */
import type { Clock } from '../../shared/clock.ts';
import type { SpendHold } from '../evidence.ts';

/** A third of the shortest lease that a policy may ask for. */
const TICK_MILLIS = 1000;

/** A call shorter than a tick is never looked at: it enters the set and leaves it. */
export class LeaseKeeper {
  readonly #clock: Clock;
  readonly #holds = new Map<SpendHold, number>();
  readonly #timer: NodeJS.Timeout;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#timer = setInterval(() => this.#renew(), TICK_MILLIS);
    this.#timer.unref();
  }

  keep(hold: SpendHold): void {
    this.#holds.set(hold, this.#clock.elapsed());
  }

  forget(hold: SpendHold): void {
    this.#holds.delete(hold);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #renew(): void {
    const before = this.#clock.elapsed() - TICK_MILLIS;
    for (const [hold, sinceMillis] of this.#holds) {
      if (sinceMillis < before) hold.store.renew(hold.admission);
    }
  }
}

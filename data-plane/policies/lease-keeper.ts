/** Keeps the leases and intents of long calls alive, from one timer for all of them. */
import type { Clock } from '../../shared/clock.ts';
import type { Admission, Counters, Extension, OpenRequest } from '../counters/counters.ts';
import type { SpendHold } from '../evidence.ts';

const TICK_MILLIS = 1000;
/** Often enough for the intents of admitted calls, whatever leases they have. */
const RENEWAL_MILLIS_MAX = 10_000;

/**
 * A call shorter than a tick is never looked at: it takes a place and leaves it. Places rather than a Map: the tables that a Map outgrows
 * point at each other, and through them every call of minutes would stay in memory until the next full collection.
 */
export class LeaseKeeper {
  readonly #clock: Clock;
  readonly #holds: (SpendHold | undefined)[] = [];
  /** When the hold in that place is due to be renewed, in monotonic milliseconds. */
  readonly #dueAt: number[] = [];
  readonly #free: number[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#timer = setInterval(() => this.#renew(), TICK_MILLIS);
    this.#timer.unref();
  }

  /** Answers the place, for `forget`. `startedAt` is when the call arrived, in monotonic milliseconds. */
  keep(hold: SpendHold, startedAt: number): number {
    const place = this.#free.pop() ?? this.#holds.length;
    this.#holds[place] = hold;
    this.#dueAt[place] = startedAt + TICK_MILLIS;
    return place;
  }

  forget(place: number): void {
    this.#holds[place] = undefined;
    this.#free.push(place);
  }

  /** What is under way here, as far as that store holds it. */
  *openAt(store: Counters): Generator<OpenRequest> {
    for (const hold of this.#holds)
      if (hold?.store === store) yield { admission: hold.admission, held: hold.allowance?.held ?? heldByAdmission(hold.admission) };
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #renew(): void {
    const now = this.#clock.elapsed();
    for (const [place, hold] of this.#holds.entries()) {
      if (hold === undefined || (this.#dueAt[place] ?? 0) > now) continue;
      hold.store.renew(hold.admission);
      this.#dueAt[place] = now + intervalOf(hold);
    }
  }
}

function heldByAdmission({ heldAmounts, intent }: Admission): Extension {
  return { heldAmounts, intent: intent ?? '' };
}

/** A third of the shortest lease, so that two renewals may fail. */
function intervalOf(hold: SpendHold): number {
  return Math.min(RENEWAL_MILLIS_MAX, ...hold.admission.leases.map(({ ttlMillis }) => ttlMillis / 3));
}

/** The allotments of this node that the store has not been told the end of, and when each of them ends. */
import type { Clock } from '../../shared/clock.ts';
import type { Allotment } from './allotment.ts';
import type { Admission, AllotmentSettlement, AdmissionPeek, Counters, HoldCheck, OpenRequest } from './counters.ts';

/** Counters that may forget, and take what several calls used in one settlement. */
export interface ForgetfulCounters extends Counters {
  settleAllotment(settlement: AllotmentSettlement): void;
  /** Names the memory in which windows of the organisation count; undefined while they do not, or the store does not answer. */
  memoryOf(organisationId: string): string | undefined;
}

/** The calls that may share allotments: those of one key and server under the same limits. */
export interface Lane {
  /** The one that calls are admitted from; others may have calls under way. */
  allotment: Allotment | undefined;
  /** Ends when it is known whether there is room for several calls. */
  asking: Promise<unknown> | undefined;
  lastCallAt: number;
  /** Until then each call asks for itself. */
  exactUntil: number;
}

export interface OpenAllotmentsParts {
  readonly store: ForgetfulCounters;
  readonly clock: Clock;
  /** Called when the store has been handed what the calls of one used. */
  readonly onClosed: (allotment: Allotment) => void;
}

/** No call is admitted from an allotment that is older than this. */
const AGE_MILLIS_MAX = 1000;
const TICK_MILLIS = 100;
/** For so long calls ask for themselves when there was no room for several. */
const FULL_REST_MILLIS = 1000;
/** An allotment that calls keep open for longer is one of slow calls: until they are over nobody has what is left of it, and none of its calls has a record. */
const SLOW_MILLIS = 2000;
const SLOW_REST_MILLIS = 60_000;

export class OpenAllotments {
  readonly #store: ForgetfulCounters;
  readonly #clock: Clock;
  readonly #onClosed: (allotment: Allotment) => void;
  /** By the list of holds, which is the same object from call to call, and another one after each change of the configuration. */
  readonly #lanes = new WeakMap<readonly HoldCheck[], Lane>();
  readonly #open = new Map<Allotment, Lane>();
  readonly #timer: NodeJS.Timeout;

  constructor({ store, clock, onClosed }: OpenAllotmentsParts) {
    this.#store = store;
    this.#clock = clock;
    this.#onClosed = onClosed;
    this.#timer = setInterval(() => this.#closeOld(), TICK_MILLIS);
    this.#timer.unref();
  }

  get isEmpty(): boolean {
    return this.#open.size === 0;
  }

  /** Calls that are over and of which the store has not heard. */
  get untold(): number {
    let untold = 0;
    for (const allotment of this.#open.keys()) untold += allotment.untold;
    return untold;
  }

  laneOf(holds: readonly HoldCheck[]): Lane {
    let lane = this.#lanes.get(holds);
    if (lane === undefined) this.#lanes.set(holds, (lane = { allotment: undefined, asking: undefined, lastCallAt: -Infinity, exactUntil: -Infinity }));
    return lane;
  }

  /** Whether a call that finds a window full would be admitted all the same: from the allotment of its lane, or when others that nobody uses are given back for it. */
  wouldHaveRoom({ ahead, holds, heldAmounts }: Admission, { answer, holds: counted }: AdmissionPeek): boolean {
    if (answer.kind === 'admitted' || answer.check !== 'hold') return false;
    const allotment = ahead === undefined ? undefined : this.#lanes.get(holds)?.allotment;
    if (allotment !== undefined && this.isUsable(allotment) && heldAmounts.every((amount, index) => amount <= allotment.freeIn(index))) return true;
    return holds.every(({ key, limit, observe }, index) => {
      const { used = 0, reserved = 0, carriedOver = 0 } = counted[index] ?? {};
      return observe || used + reserved - this.#idleIn(key) + (heldAmounts[index] ?? 0) <= limit + carriedOver;
    });
  }

  /** From now on calls are admitted from this one. */
  begin(lane: Lane, allotment: Allotment): void {
    const { allotment: before } = lane;
    lane.allotment = allotment;
    this.#open.set(allotment, lane);
    if (before !== undefined) this.close(before);
  }

  /** Whether calls may still be admitted from it. */
  isUsable(allotment: Allotment): boolean {
    const isPresent = this.#open.get(allotment)?.allotment === allotment && !allotment.isUsedUp;
    return isPresent && !this.#isOld(allotment) && this.#store.memoryOf(allotment.admission.organisationId) === allotment.memory;
  }

  /** No further call is admitted from it, and the store is told when the last one is over. */
  close(allotment: Allotment): void {
    const lane = this.#open.get(allotment);
    if (lane?.allotment === allotment) lane.allotment = undefined;
    if (!allotment.isIdle || !this.#open.delete(allotment)) return;
    this.#store.settleAllotment(allotment.settlement());
    this.#onClosed(allotment);
  }

  closeAll(): void {
    for (const allotment of this.#open.keys()) this.close(allotment);
  }

  /** What no call has of a window that is full is for whoever asks. Answers whether there was anything. */
  makeRoomIn(windowKey: string | undefined): boolean {
    let hasMade = false;
    for (const [allotment, lane] of this.#open) {
      if (!allotment.isIdle || !allotment.admission.holds.some(({ key }) => key === windowKey)) continue;
      this.rest(lane);
      this.close(allotment);
      hasMade = true;
    }
    return hasMade;
  }

  /** There is no room for several calls at once. */
  rest(lane: Lane): void {
    lane.exactUntil = Math.max(lane.exactUntil, this.#clock.elapsed() + FULL_REST_MILLIS);
  }

  *asOpenRequests(): Generator<OpenRequest> {
    for (const allotment of this.#open.keys()) yield allotment.asOpenRequest();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.closeAll();
  }

  /** What would be given back of a window. */
  #idleIn(windowKey: string): number {
    let idle = 0;
    for (const allotment of this.#open.keys()) {
      const index = allotment.admission.holds.findIndex(({ key }) => key === windowKey);
      if (index !== -1 && allotment.isIdle) idle += allotment.freeIn(index);
    }
    return idle;
  }

  #closeOld(): void {
    const now = this.#clock.elapsed();
    for (const [allotment, lane] of this.#open) {
      if (now - allotment.atMillis > SLOW_MILLIS) lane.exactUntil = now + SLOW_REST_MILLIS;
      if (!this.isUsable(allotment)) this.close(allotment);
    }
  }

  #isOld({ atMillis }: Allotment): boolean {
    return this.#clock.elapsed() - atMillis >= AGE_MILLIS_MAX;
  }
}

/** Counters of one process: the standalone mode's own, and every node's fallback for rates and leases while Redis is away. */
import type { Clock } from '../../shared/clock.ts';
import type { UsageQueue } from '../../shared/usage-queue.ts';
import type { Admission, AdmissionAnswer, Counters, HoldCheck, LeaseCheck, RateCheck, Settlement } from './counters.ts';
import { nextArrival, slotMillisOf, usedInWindow, waitForSlot, type SlotCounts } from './rate-window.ts';

export interface MemoryCountersParts {
  readonly clock: Clock;
  /** Where events go; without one, as in the fallback, whoever settles records elsewhere. */
  readonly queue?: UsageQueue;
}

interface WindowCounts {
  used: number;
  reserved: number;
  readonly expireAtMillis: number;
}

const SWEEP_MILLIS = 10_000;

export class MemoryCounters implements Counters {
  readonly isAvailable = true;
  readonly backlog = 0;
  readonly #clock: Clock;
  readonly #queue: UsageQueue | undefined;
  readonly #slots = new Map<string, SlotCounts>();
  readonly #arrivals = new Map<string, number>();
  readonly #leases = new Map<string, Map<string, number>>();
  readonly #windows = new Map<string, WindowCounts>();
  /** Admitted and not settled, by request id. */
  readonly #open = new Map<string, AdmissionAnswer>();
  readonly #sweep: NodeJS.Timeout;

  constructor(parts: MemoryCountersParts) {
    this.#clock = parts.clock;
    this.#queue = parts.queue;
    this.#sweep = setInterval(() => this.#forgetOld(), SWEEP_MILLIS);
    this.#sweep.unref();
  }

  admit(admission: Admission): Promise<AdmissionAnswer> {
    const known = this.#open.get(openKey(admission));
    return Promise.resolve(known ?? this.#judge(admission, this.#clock.now()));
  }

  settle({ admission, amounts, event }: Settlement): void {
    if (!this.#open.delete(openKey(admission))) return;
    for (const lease of admission.leases) this.#leases.get(scoped(admission, lease.key))?.delete(admission.requestId);
    for (const [index, hold] of admission.holds.entries()) {
      const counts = this.#windows.get(scoped(admission, hold.key));
      if (counts === undefined) continue;
      counts.reserved -= hold.amount;
      counts.used += amounts[index] ?? 0;
    }
    this.#queue?.append(event);
  }

  record(_organisationId: string | null, event: string): void {
    this.#queue?.append(event);
  }

  renew(admission: Admission): void {
    const now = this.#clock.now();
    for (const lease of admission.leases) {
      const holders = this.#leases.get(scoped(admission, lease.key));
      if (holders?.delete(admission.requestId) === true) holders.set(admission.requestId, now + lease.ttlMillis);
    }
  }

  flushed(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<number> {
    clearInterval(this.#sweep);
    return Promise.resolve(0);
  }

  /** First every check is judged, then all of them are taken: nothing can come in between, since nothing is awaited. */
  #judge(admission: Admission, now: number): AdmissionAnswer {
    for (const [index, rate] of admission.rates.entries()) {
      const refusal = this.#judgeRate(scoped(admission, rate.key), rate, now);
      if (refusal !== undefined) return { kind: 'refused', check: 'rate', index, reserved: 0, ...refusal };
    }
    for (const [index, lease] of admission.leases.entries()) {
      const used = this.#holdersOf(scoped(admission, lease.key), now).size;
      if (used >= lease.max) return { kind: 'refused', check: 'lease', index, used, reserved: 0, retryAfterMillis: 1000 };
    }
    const observedHolds: number[] = [];
    for (const [index, hold] of admission.holds.entries()) {
      const { used, reserved } = this.#countsOf(scoped(admission, hold.key), hold);
      if (used + reserved + hold.amount <= hold.limit) continue;
      if (!hold.observe) return { kind: 'refused', check: 'hold', index, used, reserved, retryAfterMillis: 0 };
      observedHolds.push(index);
    }
    const answer: AdmissionAnswer = { kind: 'admitted', observedHolds };
    this.#take(admission, now);
    if (admission.intent !== undefined) this.#open.set(openKey(admission), answer);
    return answer;
  }

  #judgeRate(key: string, rate: RateCheck, now: number): { used: number; retryAfterMillis: number } | undefined {
    if (rate.burst !== undefined) {
      const next = nextArrival(this.#arrivals.get(key) ?? 0, now, { ...rate, burst: rate.burst });
      return 'waitMillis' in next ? { used: rate.limit, retryAfterMillis: next.waitMillis } : undefined;
    }
    const counts = this.#slots.get(key) ?? new Map();
    const used = usedInWindow(counts, now, rate.windowMillis);
    return used < rate.limit ? undefined : { used, retryAfterMillis: waitForSlot(counts, now, rate.windowMillis) };
  }

  #take(admission: Admission, now: number): void {
    for (const rate of admission.rates) this.#takeRate(scoped(admission, rate.key), rate, now);
    for (const lease of admission.leases) this.#takeLease(scoped(admission, lease.key), lease, admission.requestId, now);
    for (const hold of admission.holds) this.#countsOf(scoped(admission, hold.key), hold).reserved += hold.amount;
  }

  #takeRate(key: string, rate: RateCheck, now: number): void {
    if (rate.burst !== undefined) {
      const next = nextArrival(this.#arrivals.get(key) ?? 0, now, { ...rate, burst: rate.burst });
      if ('arrivalMillis' in next) this.#arrivals.set(key, next.arrivalMillis);
      return;
    }
    const counts: SlotCounts = this.#slots.get(key) ?? new Map();
    const slot = Math.floor(now / slotMillisOf(rate.windowMillis));
    counts.set(slot, (counts.get(slot) ?? 0) + 1);
    this.#slots.set(key, counts);
  }

  #takeLease(key: string, lease: LeaseCheck, requestId: string, now: number): void {
    this.#holdersOf(key, now).set(requestId, now + lease.ttlMillis);
  }

  #holdersOf(key: string, now: number): Map<string, number> {
    let holders = this.#leases.get(key);
    if (holders === undefined) this.#leases.set(key, (holders = new Map()));
    // In the order in which they were taken or renewed, so the first that has not ended is younger than all that have.
    for (const [requestId, endsAt] of holders) {
      if (endsAt > now) break;
      holders.delete(requestId);
    }
    return holders;
  }

  #countsOf(key: string, hold: HoldCheck): WindowCounts {
    let counts = this.#windows.get(key);
    if (counts === undefined) this.#windows.set(key, (counts = { used: 0, reserved: 0, expireAtMillis: hold.expireAtMillis }));
    return counts;
  }

  /** What no check has asked for in a while would otherwise stay for ever. */
  #forgetOld(): void {
    const now = this.#clock.now();
    for (const [key, counts] of this.#windows) if (counts.expireAtMillis <= now) this.#windows.delete(key);
    for (const [key, arrival] of this.#arrivals) if (arrival <= now) this.#arrivals.delete(key);
    for (const [key, counts] of this.#slots) {
      const windowMillis = Number(key.slice(key.lastIndexOf(':') + 1));
      if (usedInWindow(counts, now, windowMillis) === 0) this.#slots.delete(key);
    }
    for (const [key] of this.#leases) if (this.#holdersOf(key, now).size === 0) this.#leases.delete(key);
  }
}

function scoped(admission: Admission, key: string): string {
  return `${admission.organisationId}/${key}`;
}

function openKey(admission: Admission): string {
  return `${admission.organisationId}/${admission.requestId}`;
}

/** Counters of one process: the standalone mode's own, and every node's fallback for rates and leases while Redis is away. */
import type { Clock } from '../../shared/clock.ts';
import type { UsageQueue } from '../../shared/usage-queue.ts';
import type { Admission, AdmissionAnswer, Counters, HoldCheck, LeaseCheck, RateCheck, Settlement } from './counters.ts';
import { nextPace, owedMillisOf, slotMillisOf, usedInWindow, waitForSlot, type Pace, type SlotCounts } from './rate-window.ts';

export interface MemoryCountersParts {
  readonly clock: Clock;
  /** Where events go; without one, as in the fallback, whoever settles records elsewhere. */
  readonly queue?: UsageQueue;
}

interface WindowCounts {
  used: number;
  reserved: number;
  expireAtMillis: number;
}

const SWEEP_MILLIS = 10_000;
const FLUSH_CHECK_MILLIS = 10;

export class MemoryCounters implements Counters {
  readonly isAvailable = true;
  readonly #clock: Clock;
  readonly #queue: UsageQueue | undefined;
  readonly #slots = new Map<string, { readonly windowMillis: number; readonly counts: SlotCounts }>();
  readonly #paces = new Map<string, { pace: Pace; evenAtMillis: number }>();
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

  /** Events that the reader of the queue has not acknowledged. */
  get backlog(): number {
    return this.#queue?.size ?? 0;
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

  async flushed(deadline: () => boolean = () => false): Promise<void> {
    while (this.backlog > 0 && !deadline()) await new Promise((resolve) => setTimeout(resolve, FLUSH_CHECK_MILLIS));
  }

  async close(graceMillis: number): Promise<number> {
    clearInterval(this.#sweep);
    const deadline = performance.now() + graceMillis;
    await this.flushed(() => performance.now() > deadline);
    return this.backlog;
  }

  /** First every check is judged, then all of them are taken: nothing can come in between, since nothing is awaited. */
  #judge(admission: Admission, now: number): AdmissionAnswer {
    for (const [index, rate] of admission.rates.entries()) {
      const refusal = this.#judgeRate(scoped(admission, rate.key), rate, now);
      if (refusal !== undefined) return { kind: 'refused', check: 'rate', index, reserved: 0, ...refusal };
    }
    for (const [index, lease] of admission.leases.entries()) {
      const used = this.#holdersOf(scoped(admission, lease.key), lease.max, now).size;
      if (used >= lease.max) return { kind: 'refused', check: 'lease', index, used, reserved: 0, retryAfterMillis: 1000 };
    }
    const observedHolds: number[] = [];
    for (const [index, hold] of admission.holds.entries()) {
      const { used, reserved } = this.#windows.get(scoped(admission, hold.key)) ?? { used: 0, reserved: 0 };
      if (used + reserved + hold.amount <= hold.limit) continue;
      if (!hold.observe) return { kind: 'refused', check: 'hold', index, used, reserved, retryAfterMillis: 0 };
      observedHolds.push(index);
    }
    const answer: AdmissionAnswer = { kind: 'admitted', observedHolds };
    this.#take(admission, answer, now);
    return answer;
  }

  #judgeRate(key: string, rate: RateCheck, now: number): { used: number; retryAfterMillis: number } | undefined {
    const { limit, windowMillis, burst } = rate;
    if (burst !== undefined) {
      const next = nextPace(this.#paces.get(key)?.pace, now, { limit, windowMillis, burst });
      return 'waitMillis' in next ? { used: limit, retryAfterMillis: next.waitMillis } : undefined;
    }
    const counts: SlotCounts = this.#slots.get(key)?.counts ?? new Map();
    const used = usedInWindow(counts, now, windowMillis);
    if (used < limit) return undefined;
    return { used, retryAfterMillis: limit === 0 ? windowMillis : waitForSlot(counts, now, windowMillis) };
  }

  /** Without an intent only the rates are charged. */
  #take(admission: Admission, answer: AdmissionAnswer, now: number): void {
    for (const rate of admission.rates) this.#takeRate(scoped(admission, rate.key), rate, now);
    if (admission.intent === undefined) return;
    for (const lease of admission.leases) this.#takeLease(scoped(admission, lease.key), lease, admission.requestId, now);
    for (const hold of admission.holds) this.#hold(scoped(admission, hold.key), hold);
    this.#open.set(openKey(admission), answer);
  }

  #takeRate(key: string, { limit, windowMillis, burst }: RateCheck, now: number): void {
    if (burst !== undefined) {
      const rate = { limit, windowMillis, burst };
      const next = nextPace(this.#paces.get(key)?.pace, now, rate);
      if ('calls' in next) this.#paces.set(key, { pace: next, evenAtMillis: now + owedMillisOf(next, now, rate) });
      return;
    }
    let window = this.#slots.get(key);
    if (window === undefined) this.#slots.set(key, (window = { windowMillis, counts: new Map() }));
    const slot = Math.floor(now / slotMillisOf(windowMillis));
    window.counts.set(slot, (window.counts.get(slot) ?? 0) + 1);
  }

  #takeLease(key: string, lease: LeaseCheck, requestId: string, now: number): void {
    let holders = this.#leases.get(key);
    if (holders === undefined) this.#leases.set(key, (holders = new Map()));
    holders.set(requestId, now + lease.ttlMillis);
  }

  /** Leases that ended count no more; they are looked for only where they could make the difference. */
  #holdersOf(key: string, max: number, now: number): ReadonlyMap<string, number> {
    const holders = this.#leases.get(key) ?? new Map<string, number>();
    if (holders.size >= max) for (const [requestId, endsAt] of holders) if (endsAt <= now) holders.delete(requestId);
    return holders;
  }

  #hold(key: string, hold: HoldCheck): void {
    const counts = this.#windows.get(key);
    if (counts === undefined) {
      this.#windows.set(key, { used: 0, reserved: hold.amount, expireAtMillis: hold.expireAtMillis });
      return;
    }
    counts.reserved += hold.amount;
    counts.expireAtMillis = hold.expireAtMillis;
  }

  /** What no check has asked for in a while would otherwise stay for ever. */
  #forgetOld(): void {
    const now = this.#clock.now();
    for (const [key, { expireAtMillis }] of this.#windows) if (expireAtMillis <= now) this.#windows.delete(key);
    for (const [key, { evenAtMillis }] of this.#paces) if (evenAtMillis <= now) this.#paces.delete(key);
    for (const [key, { counts, windowMillis }] of this.#slots) if (usedInWindow(counts, now, windowMillis) === 0) this.#slots.delete(key);
    for (const [key] of this.#leases) if (this.#holdersOf(key, 0, now).size === 0) this.#leases.delete(key);
  }
}

function scoped(admission: Admission, key: string): string {
  return `${admission.organisationId}/${key}`;
}

function openKey(admission: Admission): string {
  return `${admission.organisationId}/${admission.requestId}`;
}

/** What the memory counts for one organisation. Nothing in here waits, so every method is atomic. */
import { NOTHING_COUNTED, restOf, type WindowCounts } from '../../shared/window-counts.ts';
import type { Admission, AdmissionAnswer, AdmissionPeek, Extension, HoldCheck, LeaseCheck, RateCheck, Settlement } from './counters.ts';
import { callsOwed, nextPace, owedMillisOf, SlidingWindow, type BurstRate, type Pace } from '../../shared/rate-window.ts';

interface KeptPace {
  pace: Pace | undefined;
  evenAtMillis: number;
}

interface KeptWindow {
  used: number;
  reserved: number;
  expireAtMillis: number;
}

interface LeaseCount {
  count: number;
}

/** An admitted request until it is settled. */
interface OpenRequest {
  readonly answer: AdmissionAnswer;
  readonly leases: readonly LeaseCheck[];
  /** When its leases end unless they are renewed; `Infinity` once they have ended. */
  leasedUntilMillis: number;
  /** What it holds now, one amount per hold. */
  heldAmounts: readonly number[];
}

const ADMITTED: AdmissionAnswer = { kind: 'admitted', observedHolds: [] };
const LEASE_RETRY_MILLIS = 1000;

export class OrganisationCounts {
  readonly #slidings = new Map<string, SlidingWindow>();
  readonly #paces = new Map<string, KeptPace>();
  readonly #leases = new Map<string, LeaseCount>();
  readonly #windows = new Map<string, KeptWindow>();
  readonly #open = new Map<string, OpenRequest>();

  /** First every check is judged, then all of them are taken. */
  admit(admission: Admission, now: number): AdmissionAnswer {
    const known = this.#open.get(admission.requestId);
    if (known !== undefined) return known.answer;
    const answer = this.#judge(admission, now);
    if (answer.kind === 'admitted') this.#take(admission, answer, now);
    return answer;
  }

  peek(admission: Admission, now: number): AdmissionPeek {
    const { rates, leases, holds, requestId } = admission;
    return {
      answer: this.#open.get(requestId)?.answer ?? this.#judge(admission, now),
      rates: rates.map((rate) => this.#countedBy(rate, now)),
      leases: leases.map(({ key }) => this.#leases.get(key)?.count ?? 0),
      holds: holds.map((hold) => {
        const { used, reserved } = this.windowOf(hold.key);
        return { used, reserved, carriedOver: this.#carriedOverTo(hold) };
      }),
    };
  }

  /** Undefined for a request that is not open. */
  extend({ requestId, holds }: Admission, { heldAmounts }: Extension): AdmissionAnswer | undefined {
    const request = this.#open.get(requestId);
    if (request === undefined) return undefined;
    const added = heldAmounts.map((amount, index) => Math.max(0, amount - (request.heldAmounts[index] ?? 0)));
    for (const [index, hold] of holds.entries()) {
      const amount = added[index] ?? 0;
      // A window that was lowered below what it holds refuses only what would make it more.
      if (amount > 0 && !hold.observe && this.#overfills(hold, amount)) return this.#refusedHold(hold, index);
    }
    this.#hold(holds, added);
    request.heldAmounts = heldAmounts.map((amount, index) => Math.max(amount, request.heldAmounts[index] ?? 0));
    return ADMITTED;
  }

  /** Does nothing for a request that is not open. */
  settle({ admission, amounts }: Settlement): void {
    const { requestId, holds } = admission;
    const request = this.#open.get(requestId);
    if (request === undefined) return;
    this.#open.delete(requestId);
    this.#endLeases(request);
    for (let index = 0; index < holds.length; index++) {
      const counts = this.#windows.get(holds[index]?.key ?? '');
      if (counts === undefined) continue;
      counts.reserved -= request.heldAmounts[index] ?? 0;
      counts.used += amounts[index] ?? 0;
    }
  }

  /** Leases that have ended do not come back. */
  renew({ requestId, leases }: Admission, now: number): void {
    const request = this.#open.get(requestId);
    if (request !== undefined && request.leasedUntilMillis > now && request.leasedUntilMillis !== Infinity) request.leasedUntilMillis = leaseEnd(leases, now);
  }

  windowOf(key: string): WindowCounts {
    return this.#windows.get(key) ?? NOTHING_COUNTED;
  }

  /** What no check has asked for in a while would otherwise stay for ever. Answers whether anything is left. */
  forgetOld(now: number): boolean {
    for (const [key, { expireAtMillis }] of this.#windows) if (expireAtMillis <= now) this.#windows.delete(key);
    for (const [key, { evenAtMillis }] of this.#paces) if (evenAtMillis <= now) this.#paces.delete(key);
    for (const [key, sliding] of this.#slidings) if (sliding.used(now) === 0) this.#slidings.delete(key);
    this.#endOldLeases(now);
    for (const [key, { count }] of this.#leases) if (count === 0) this.#leases.delete(key);
    return this.#windows.size + this.#paces.size + this.#slidings.size + this.#leases.size + this.#open.size > 0;
  }

  #judge(admission: Admission, now: number): AdmissionAnswer {
    return this.#judgeRates(admission.rates, now) ?? this.#judgeLeases(admission.leases, now) ?? this.#judgeHolds(admission);
  }

  #countedBy({ key, limit, windowMillis, burst }: RateCheck, now: number): number {
    if (burst === undefined) return this.#slidings.get(key)?.used(now) ?? 0;
    const pace = this.#paces.get(key)?.pace;
    return pace === undefined ? 0 : callsOwed(pace, now, { limit, windowMillis, burst });
  }

  #judgeRates(rates: readonly RateCheck[], now: number): AdmissionAnswer | undefined {
    for (let index = 0; index < rates.length; index++) {
      const rate = rates[index];
      if (rate === undefined) continue;
      const refusal = rate.burst === undefined ? this.#judgeSliding(rate, now) : this.#judgePace({ ...rate, burst: rate.burst }, rate.key, now);
      if (refusal !== undefined) return { kind: 'refused', check: 'rate', index, reserved: 0, carriedOver: 0, ...refusal };
    }
    return undefined;
  }

  #judgeSliding({ key, limit, windowMillis }: RateCheck, now: number): { used: number; retryAfterMillis: number } | undefined {
    const sliding = this.#slidingOf(key, windowMillis);
    const used = sliding.used(now);
    if (used < limit) return undefined;
    return { used, retryAfterMillis: limit === 0 ? windowMillis : sliding.waitMillis(now) };
  }

  #judgePace(rate: BurstRate, key: string, now: number): { used: number; retryAfterMillis: number } | undefined {
    const next = nextPace(this.#paces.get(key)?.pace, now, rate);
    return 'waitMillis' in next ? { used: rate.limit, retryAfterMillis: next.waitMillis } : undefined;
  }

  #judgeLeases(leases: readonly LeaseCheck[], now: number): AdmissionAnswer | undefined {
    for (let index = 0; index < leases.length; index++) {
      const lease = leases[index];
      if (lease === undefined) continue;
      if (this.#leaseOf(lease.key).count >= lease.max) this.#endOldLeases(now);
      const used = this.#leaseOf(lease.key).count;
      if (used >= lease.max) return { kind: 'refused', check: 'lease', index, used, reserved: 0, carriedOver: 0, retryAfterMillis: LEASE_RETRY_MILLIS };
    }
    return undefined;
  }

  #judgeHolds({ holds, heldAmounts }: Admission): AdmissionAnswer {
    let observedHolds: number[] | undefined;
    for (let index = 0; index < holds.length; index++) {
      const hold = holds[index];
      if (hold === undefined || !this.#overfills(hold, heldAmounts[index] ?? 0)) continue;
      if (!hold.observe) return this.#refusedHold(hold, index);
      (observedHolds ??= []).push(index);
    }
    return observedHolds === undefined ? ADMITTED : { kind: 'admitted', observedHolds };
  }

  #overfills(hold: HoldCheck, amount: number): boolean {
    const { used, reserved } = this.windowOf(hold.key);
    return used + reserved + amount > hold.limit + this.#carriedOverTo(hold);
  }

  #refusedHold(hold: HoldCheck, index: number): AdmissionAnswer {
    const { used, reserved } = this.windowOf(hold.key);
    return { kind: 'refused', check: 'hold', index, used, reserved, carriedOver: this.#carriedOverTo(hold), retryAfterMillis: 0 };
  }

  #carriedOverTo({ limit, previousKey }: HoldCheck): number {
    return previousKey === undefined ? 0 : restOf(limit, this.windowOf(previousKey));
  }

  /** Without an intent only the rates are charged. */
  #take({ rates, leases, holds, heldAmounts, requestId, intent }: Admission, answer: AdmissionAnswer, now: number): void {
    for (const rate of rates) this.#takeRate(rate, now);
    if (intent === undefined) return;
    for (const { key } of leases) this.#leaseOf(key).count++;
    this.#hold(holds, heldAmounts);
    this.#open.set(requestId, { answer, leases, leasedUntilMillis: leaseEnd(leases, now), heldAmounts });
  }

  #hold(holds: readonly HoldCheck[], amounts: readonly number[]): void {
    for (const [index, { key, expireAtMillis }] of holds.entries()) {
      const counts = this.#windows.get(key);
      if (counts === undefined) this.#windows.set(key, { used: 0, reserved: amounts[index] ?? 0, expireAtMillis });
      else counts.reserved += amounts[index] ?? 0;
    }
  }

  #takeRate({ key, limit, windowMillis, burst }: RateCheck, now: number): void {
    if (burst === undefined) return this.#slidingOf(key, windowMillis).take(now);
    const rate = { limit, windowMillis, burst };
    const next = nextPace(this.#paces.get(key)?.pace, now, rate);
    if ('calls' in next) this.#paces.set(key, { pace: next, evenAtMillis: now + owedMillisOf(next, now, rate) });
  }

  #slidingOf(key: string, windowMillis: number): SlidingWindow {
    let sliding = this.#slidings.get(key);
    if (sliding === undefined) this.#slidings.set(key, (sliding = new SlidingWindow(windowMillis)));
    return sliding;
  }

  #leaseOf(key: string): LeaseCount {
    let lease = this.#leases.get(key);
    if (lease === undefined) this.#leases.set(key, (lease = { count: 0 }));
    return lease;
  }

  #endLeases(request: OpenRequest): void {
    if (request.leasedUntilMillis === Infinity) return;
    request.leasedUntilMillis = Infinity;
    for (const { key } of request.leases) this.#leaseOf(key).count--;
  }

  /** Leases that ended are looked for only where they could make the difference. */
  #endOldLeases(now: number): void {
    for (const request of this.#open.values()) if (request.leasedUntilMillis <= now) this.#endLeases(request);
  }
}

/** All leases of a request end with the shortest of them, as they do in Redis. */
function leaseEnd(leases: readonly LeaseCheck[], now: number): number {
  let shortest = Infinity;
  for (const { ttlMillis } of leases) shortest = Math.min(shortest, ttlMillis);
  return now + shortest;
}

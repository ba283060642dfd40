/** What the memory counts for one organisation. Nothing in here waits, so every method is atomic. */
import { NOTHING_COUNTED, restOf, type WindowCounts } from '../../shared/window-counts.ts';
import type { Admission, AdmissionAnswer, AdmissionPeek, Extension, HoldCheck, LeaseCheck, ObservedCheck, Settlement } from './counters.ts';
import { LoopCounts } from './loop-counts.ts';
import { RateCounts } from './rate-counts.ts';

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
  readonly #rates = new RateCounts();
  readonly #leases = new Map<string, LeaseCount>();
  readonly #windows = new Map<string, KeptWindow>();
  readonly #loops = new LoopCounts();
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
      rates: rates.map((rate) => this.#rates.countedBy(rate, now)),
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
  settle({ admission, amounts, failed }: Settlement, now: number): void {
    const { requestId, holds } = admission;
    const request = this.#open.get(requestId);
    if (request === undefined) return;
    this.#open.delete(requestId);
    this.#endLeases(request);
    if (failed !== undefined) this.#loops.settle(admission.loops, failed, now);
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
    this.#rates.forgetOld(now);
    this.#endOldLeases(now);
    for (const [key, { count }] of this.#leases) if (count === 0) this.#leases.delete(key);
    this.#loops.forgetOld(now);
    return this.#windows.size + this.#rates.size + this.#leases.size + this.#loops.size + this.#open.size > 0;
  }

  #judge(admission: Admission, now: number): AdmissionAnswer {
    const observed: ObservedCheck[] = [];
    return (
      this.#rates.judge(admission.rates, observed, now) ??
      this.#judgeLeases(admission.leases, observed, now) ??
      this.#loops.judge(admission.loops, observed, now) ??
      this.#judgeHolds(admission, observed)
    );
  }

  #judgeLeases(leases: readonly LeaseCheck[], observed: ObservedCheck[], now: number): AdmissionAnswer | undefined {
    for (let index = 0; index < leases.length; index++) {
      const lease = leases[index];
      if (lease === undefined) continue;
      if (this.#leaseOf(lease.key).count >= lease.max) this.#endOldLeases(now);
      const used = this.#leaseOf(lease.key).count;
      if (used < lease.max) continue;
      if (lease.observe === true) observed.push({ check: 'lease', index });
      else return { kind: 'refused', check: 'lease', index, used, reserved: 0, carriedOver: 0, retryAfterMillis: LEASE_RETRY_MILLIS };
    }
    return undefined;
  }

  #judgeHolds({ holds, heldAmounts }: Admission, observedChecks: readonly ObservedCheck[]): AdmissionAnswer {
    let observedHolds: number[] | undefined;
    for (let index = 0; index < holds.length; index++) {
      const hold = holds[index];
      if (hold === undefined || !this.#overfills(hold, heldAmounts[index] ?? 0)) continue;
      if (!hold.observe) return this.#refusedHold(hold, index);
      (observedHolds ??= []).push(index);
    }
    if (observedHolds === undefined && observedChecks.length === 0) return ADMITTED;
    return { kind: 'admitted', observedHolds: observedHolds ?? [], ...(observedChecks.length === 0 ? {} : { observedChecks }) };
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
  #take({ rates, leases, loops, holds, heldAmounts, requestId, intent }: Admission, answer: AdmissionAnswer, now: number): void {
    this.#rates.take(rates, now);
    if (intent === undefined) return;
    this.#loops.take(loops, now);
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

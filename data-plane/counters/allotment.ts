/** Room for several calls that was held at once, and what they have taken and used of it so far. Asks nobody. */
import assert from 'node:assert/strict';
import type { Admission, AdmissionAnswer, AheadTerms, AllotmentSettlement, Extension, OpenRequest } from './counters.ts';

/** What the store holds for all calls together, and what it answered. */
export interface HeldAhead {
  readonly admission: Admission;
  readonly terms: AheadTerms;
  readonly calls: number;
  readonly answer: AdmissionAnswer;
  /** In which memory of the store it is held (`RedisCounters.memoryOf`). */
  readonly memory: string | undefined;
  readonly atMillis: number;
}

export class Allotment {
  readonly admission: Admission;
  readonly answer: AdmissionAnswer;
  readonly memory: string | undefined;
  readonly atMillis: number;
  /** Of the calls that were admitted from it. */
  readonly requestIds: string[] = [];
  readonly #terms: AheadTerms;
  #held: readonly number[];
  /** Of what is held, what no call has. Less than nothing where calls used more than anybody could know. */
  #free: readonly number[];
  #used: readonly number[];
  readonly #events: string[] = [];
  #callsLeft: number;
  #underWay = 0;

  constructor({ admission, terms, calls, answer, memory, atMillis }: HeldAhead) {
    this.admission = admission;
    this.answer = answer;
    this.memory = memory;
    this.atMillis = atMillis;
    this.#terms = terms;
    this.#held = admission.heldAmounts;
    this.#free = admission.heldAmounts;
    this.#used = admission.heldAmounts.map(() => 0);
    this.#callsLeft = calls;
  }

  get isUsedUp(): boolean {
    return this.#callsLeft === 0;
  }

  get isIdle(): boolean {
    return this.#underWay === 0;
  }

  /** Calls that are over and of which the store has not heard. */
  get untold(): number {
    return this.#events.length;
  }

  /** Takes one call's part, if it is there. */
  take({ requestId, heldAmounts }: Admission): boolean {
    if (this.#callsLeft === 0 || !this.takeMore(heldAmounts)) return false;
    this.requestIds.push(requestId);
    this.#callsLeft--;
    this.#underWay++;
    return true;
  }

  /** Takes more for a call that is under way, if it is there. */
  takeMore(amounts: readonly number[]): boolean {
    if (amounts.some((amount, index) => amount > (this.#free[index] ?? 0))) return false;
    this.#free = minus(this.#free, amounts);
    return true;
  }

  /** Takes more whether or not it is there, so that no other call takes it; answers how much of it has still to be held. */
  overdraw(amounts: readonly number[]): readonly number[] {
    this.#free = minus(this.#free, amounts);
    return amounts.map((amount, index) => Math.min(amount, Math.max(0, -(this.#free[index] ?? 0))));
  }

  giveBack(amounts: readonly number[]): void {
    this.#free = plus(this.#free, amounts);
  }

  /** What no call has in the window of that index. */
  freeIn(index: number): number {
    return Math.max(0, this.#free[index] ?? 0);
  }

  extensionBy(amounts: readonly number[]): Extension {
    const heldAmounts = plus(this.#held, amounts);
    return { heldAmounts, intent: this.#terms.intentFor(heldAmounts) };
  }

  /** The store holds so much by now. */
  extendTo({ heldAmounts }: Extension): void {
    this.#free = plus(this.#free, minus(heldAmounts, this.#held));
    this.#held = heldAmounts;
  }

  /** A call is over: what it did not use is there for others. */
  end(held: readonly number[], used: readonly number[], event: string): void {
    this.#underWay--;
    this.#free = plus(this.#free, minus(held, used));
    this.#used = plus(this.#used, used);
    this.#events.push(event);
  }

  asOpenRequest(): OpenRequest {
    return { admission: this.admission, held: { heldAmounts: this.#held, intent: this.#terms.intentFor(this.#held) } };
  }

  settlement(): AllotmentSettlement {
    assert(this.isIdle, 'a call of it is under way');
    return { admission: this.admission, amounts: this.#used, events: this.#events };
  }
}

function plus(left: readonly number[], right: readonly number[]): number[] {
  return left.map((amount, index) => amount + (right[index] ?? 0));
}

function minus(left: readonly number[], right: readonly number[]): number[] {
  return left.map((amount, index) => amount - (right[index] ?? 0));
}

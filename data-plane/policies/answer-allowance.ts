/** How much of an answer is held for, and holds more as it grows: no byte passes that a budget or quota does not pay for. */
import { Refusal } from '../../shared/refusal.ts';
import { CountersRebuilding, CountersUnavailable, type Admission, type Counters, type Extension } from '../counters/counters.ts';
import type { GovernancePlan } from './governance-plan.ts';
import { countersAway, countersRebuilding, refusalOf } from './limit-refusals.ts';
import type { PlannedLimit } from './planned-holds.ts';
import type { PlannedSpend } from './planned-spend.ts';

export interface AnswerAllowanceParts {
  readonly spend: PlannedSpend;
  readonly store: Counters;
  readonly admission: Admission;
  readonly plan: GovernancePlan;
  readonly limits: readonly PlannedLimit[];
  readonly nowMillis: number;
  /** The longest answer that the server and the policies allow; `Infinity` for a stream without an end. */
  readonly bytesMax: number;
  /** So long an answer is held for at first. */
  readonly outputBytes: number;
}

/** Held at once for an answer whose length nobody knows; most are shorter, and what is held for one call no other can use. */
export const FIRST_OUTPUT_BYTES = 65_536;
/** A long answer asks seldom, and a very long one still holds no more than this ahead. */
const AHEAD_FACTOR = 4;
const AHEAD_BYTES_MAX = 4 * 1024 * 1024;

export class AnswerAllowance {
  readonly #parts: AnswerAllowanceParts;
  #held: Extension;
  #outputBytes: number;

  constructor(parts: AnswerAllowanceParts) {
    this.#parts = parts;
    const { heldAmounts, intent = '' } = parts.admission;
    this.#held = { heldAmounts, intent };
    this.#outputBytes = parts.outputBytes;
  }

  /** So many bytes of the answer are held for. */
  get outputBytes(): number {
    return this.#outputBytes;
  }

  /** What the call holds by now. */
  get held(): Extension {
    return this.#held;
  }

  /** Holds for so many bytes at least, or throws the refusal of the limit that has no room for them. Asked for one length at a time. */
  async grow(neededBytes: number): Promise<void> {
    const { spend, store, admission, plan, limits, nowMillis, bytesMax } = this.#parts;
    const ahead = Math.min(this.#outputBytes * AHEAD_FACTOR, this.#outputBytes + AHEAD_BYTES_MAX, bytesMax);
    const wanted = { wished: Math.max(neededBytes, ahead), least: neededBytes, held: this.#held.heldAmounts };
    const ask = (outputBytes: number) => store.extend(admission, spend.heldFor(outputBytes));
    const { answer, outputBytes } = await spend.hold(wanted, ask).catch((error: unknown) => {
      if (error instanceof CountersRebuilding) throw countersRebuilding(error);
      throw error instanceof CountersUnavailable ? countersAway(error) : error;
    });
    if (answer.kind === 'refused') throw refusalOf(answer, { plan, limits }, nowMillis);
    this.#held = spend.heldFor(outputBytes);
    this.#outputBytes = outputBytes;
  }

  /** For answers that cannot wait until more is held. */
  require(neededBytes: number): void {
    if (neededBytes <= this.#outputBytes) return;
    const detail = `the answer is longer than the ${this.#outputBytes} bytes that were held for`;
    throw this.#parts.spend.isBudgeted ? new Refusal('budget_exceeded', 'budget_exhausted', detail) : new Refusal('quota_exceeded', 'quota_exhausted', detail);
  }
}

/** What a call may use up of its limits, by the length of its answer: what is held of them, and how long an answer they have room for. */
import { outputBytesFor, type Price } from '../../shared/pricing.ts';
import type { AdmissionAnswer, Extension } from '../counters/counters.ts';
import type { RpcRequest } from '../evidence.ts';
import { unknownEnding, type Noted } from '../usage/usage-event-json.ts';
import type { PlannedLimit } from './planned-holds.ts';
import { estimateOf } from './spend-estimate.ts';

export interface PlannedSpendParts {
  readonly rpc: RpcRequest;
  readonly price: Price;
  readonly inputBytes: number;
  readonly limits: readonly PlannedLimit[];
  /** The usage event as far as it is known: JSON without its end. */
  readonly eventHead: string;
  readonly noted: Noted;
}

type RefusedAnswer = Extract<AdmissionAnswer, { kind: 'refused' }>;

/** Asked for less this often, by what was left at the answer before; then for the least, since others take from the same window. */
const TRIES_BY_ROOM = 2;

export class PlannedSpend {
  readonly #parts: PlannedSpendParts;
  /** A limit that is enforced depends on how long the answer is, so that not a byte may pass that is not held for. */
  readonly isMetered: boolean;

  constructor(parts: PlannedSpendParts) {
    this.#parts = parts;
    this.isMetered = parts.limits.some(({ limit: { mode, metric } }) => mode === 'ENFORCE' && this.#growsWithOutput(metric));
  }

  /** Whether what is held depends on how long the answer is, enforced or not. */
  get growsWithOutput(): boolean {
    const { price, limits } = this.#parts;
    return price.outputByteFemtosUsd > 0n || limits.some(({ limit }) => limit.metric === 'OUTPUT_BYTES');
  }

  /** Whether a budget is what an answer is too long for; else it is a quota. */
  get isBudgeted(): boolean {
    return this.#parts.limits.some(({ limit: { mode, metric } }) => mode === 'ENFORCE' && metric === 'NANO_USD' && this.#growsWithOutput(metric));
  }

  /** What is held for an answer of so many bytes, and what becomes the record if nobody settles: at the amount held. */
  heldFor(outputBytes: number): Extension {
    const { rpc, price, inputBytes, limits, eventHead, noted } = this.#parts;
    const estimate = estimateOf(rpc, price, inputBytes, outputBytes);
    const heldAmounts = limits.map(({ limit }) => estimate[limit.metric]);
    return { heldAmounts, intent: eventHead + unknownEnding(estimate.costNanosUsd, outputBytes, noted) };
  }

  /**
   * Asks for an answer of `wished` bytes, unless that was answered already, and for less where a window has room for less, as long as that is `least` bytes.
   * Answers the last word, and how long an answer it is about.
   */
  async hold(
    wanted: { readonly wished: number; readonly least: number; readonly held: readonly number[] },
    ask: (outputBytes: number) => Promise<AdmissionAnswer>,
    answered?: AdmissionAnswer,
  ): Promise<{ readonly answer: AdmissionAnswer; readonly outputBytes: number }> {
    let outputBytes = wanted.wished;
    for (let tries = 0; ; tries++) {
      const answer = tries === 0 && answered !== undefined ? answered : await ask(outputBytes);
      if (answer.kind === 'admitted' || answer.check !== 'hold' || outputBytes <= wanted.least) return { answer, outputBytes };
      const room = this.#roomIn(answer, wanted.held);
      if (room < wanted.least) return { answer, outputBytes };
      outputBytes = tries < TRIES_BY_ROOM ? Math.min(room, outputBytes - 1) : wanted.least;
    }
  }

  /** The longest answer that the window which refused has room for; `held` is what the call holds already. */
  #roomIn({ index, used, reserved, carriedOver }: RefusedAnswer, held: readonly number[]): number {
    const { price, inputBytes, limits } = this.#parts;
    const planned = limits[index];
    if (planned === undefined || !this.#growsWithOutput(planned.limit.metric)) return -1;
    const left = planned.amount + carriedOver - used - reserved + (held[index] ?? 0);
    return planned.limit.metric === 'OUTPUT_BYTES' ? left : outputBytesFor(price, inputBytes, BigInt(left));
  }

  #growsWithOutput(metric: PlannedLimit['limit']['metric']): boolean {
    return metric === 'OUTPUT_BYTES' || (metric === 'NANO_USD' && this.#parts.price.outputByteFemtosUsd > 0n);
  }
}

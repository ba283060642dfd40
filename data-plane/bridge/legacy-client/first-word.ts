/** Hears the first word of a server that may not know the caller's era: a refusal that may mean so is held back, everything else passes. */
import type { Refusal } from '../../../shared/refusal.ts';
import type { AnswerHead, AnswerSink } from '../../transports/transport.ts';
import { errorCodeOf } from './rpc-error.ts';

/** What servers answer to a message that they have no place for. */
const STATUSES: ReadonlySet<number> = new Set([400, 404, 405, 406, 422]);

/** Codes that say so whatever the status: of the revision's own errors, and for `initialize` of a method or shape that is not known. */
export const STRANGE_REVISION: ReadonlySet<number> = new Set([-32_020, -32_022]);
export const STRANGE_HANDSHAKE: ReadonlySet<number> = new Set([...STRANGE_REVISION, -32_600, -32_601, -32_602]);

export class FirstWord implements AnswerSink {
  readonly #sink: AnswerSink;
  readonly #codes: ReadonlySet<number>;
  readonly #refused: (relay: () => void) => void;

  /** `refused` hears of a refusal that may mean the era, and how to let it pass after all. */
  constructor(sink: AnswerSink, codes: ReadonlySet<number>, refused: (relay: () => void) => void) {
    this.#sink = sink;
    this.#codes = codes;
    this.#refused = refused;
  }

  answer(head: AnswerHead, body: Buffer): void {
    const relay = () => this.#sink.answer(head, body);
    if (STATUSES.has(head.status) || this.#codes.has(errorCodeOf(body) ?? 0)) this.#refused(relay);
    else relay();
  }

  open(head: AnswerHead): void {
    this.#sink.open(head);
  }

  write(chunk: Buffer): boolean {
    return this.#sink.write(chunk);
  }

  end(): void {
    this.#sink.end();
  }

  /** A refusal that is written for people, as HTML, has become one of ours on its way. */
  fail(refusal: Refusal): void {
    const relay = () => this.#sink.fail(refusal);
    if (refusal.reason === 'bad_status') this.#refused(relay);
    else relay();
  }
}

/** Hears the first word of a server that may not know the caller's era: a refusal that may mean so is held back, everything else passes. */
import type { Refusal } from '../../../shared/refusal.ts';
import type { AnswerHead, AnswerSink } from '../../transports/transport.ts';
import { errorCodeOf, UNKNOWN_HANDSHAKE } from '../../mcp/rpc-error.ts';

/** What servers answer to a message that they have no place for; nothing was executed then. */
const STATUSES: ReadonlySet<number> = new Set([400, 404, 405, 406, 422]);

/** Which refusals may mean the era. */
export interface Strangeness {
  /** Codes of JSON-RPC errors that do so whatever the status is. */
  readonly codes: ReadonlySet<number>;
  /** So may one that is written for people, as HTML, and has become a refusal of ours on its way. */
  readonly includesProse: boolean;
}

export const STRANGE_HANDSHAKE: Strangeness = { codes: UNKNOWN_HANDSHAKE, includesProse: true };
/** What cannot be told from a failure of the server may have been executed, and is not sent again. */
export const STRANGE_MESSAGE: Strangeness = { codes: new Set([-32_020, -32_022]), includesProse: false };

export interface FirstWordListeners {
  /** A refusal that may mean the era, and how to let it pass after all. */
  readonly refused: (relay: () => void) => void;
  /** An answer that only comes from a server which knows the caller's era. */
  readonly understood: () => void;
}

export class FirstWord implements AnswerSink {
  readonly #sink: AnswerSink;
  readonly #strangeness: Strangeness;
  readonly #listeners: FirstWordListeners;

  constructor(sink: AnswerSink, strangeness: Strangeness, listeners: FirstWordListeners) {
    this.#sink = sink;
    this.#strangeness = strangeness;
    this.#listeners = listeners;
  }

  answer(head: AnswerHead, body: Buffer): void {
    const errorCode = errorCodeOf(body);
    const relay = () => this.#sink.answer(head, body);
    if (STATUSES.has(head.status) || this.#strangeness.codes.has(errorCode ?? 0)) return this.#listeners.refused(relay);
    if (head.status === 200 && errorCode === undefined) this.#listeners.understood();
    relay();
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

  fail(refusal: Refusal): void {
    const relay = () => this.#sink.fail(refusal);
    if (this.#strangeness.includesProse && refusal.reason === 'bad_status') this.#listeners.refused(relay);
    else relay();
  }
}

/** What the calls of one server showed of it since it was last asked: noted at every ending, so it does next to nothing. */
import type { Refusal } from '../../shared/refusal.ts';
import type { RefusalCode } from '../../shared/refusals.ts';

/** Endings that are about the server or the way to it; any other says nothing of them. */
const TELLING: ReadonlySet<RefusalCode> = new Set(['upstream_error', 'upstream_timeout', 'upstream_auth_error', 'stdio_error']);

export interface Sighted {
  readonly answers: number;
  /** The last one. */
  readonly failure: Refusal | undefined;
}

/** Outlives the configuration: a change of a server's rules is no news of the server. */
export class ServerSighting {
  #answers = 0;
  #failure: Refusal | undefined;

  note(failure: Refusal | undefined): void {
    if (failure === undefined) this.#answers++;
    else if (TELLING.has(failure.code)) this.#failure = failure;
  }

  /** What there was since the last time; undefined when nobody called. */
  take(): Sighted | undefined {
    if (this.#answers === 0 && this.#failure === undefined) return undefined;
    const sighted = { answers: this.#answers, failure: this.#failure };
    this.#answers = 0;
    this.#failure = undefined;
    return sighted;
  }
}

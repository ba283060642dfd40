/** What the reception of an answer is told beside the request: its id, its deadline, and who hears how it went. */
import type { AnswerWatch } from './answer-watch.ts';
import type { UpstreamBreaker } from './upstream-breaker.ts';

/** Asks for another try with a session, when the answer says that one is missing; `relayRefused` delivers the answer after all. */
export interface SecondTry {
  /** Whether an answer of status 4xx says so. */
  readonly isMeant: (status: number, body: Buffer) => boolean;
  readonly retry: (relayRefused: () => void) => void;
}

export interface AnswerTerms {
  /** The id of the request as it was sent; undefined for what nobody answers, and for a batch, whose answers are not told apart. */
  readonly idToken: string | undefined;
  readonly secondTry: SecondTry | undefined;
  /** Hears how it went. */
  readonly breaker: UpstreamBreaker;
  /** Notices that it takes too long. */
  readonly watch: AnswerWatch;
  /** When the answer to a message must have ended, by `performance.now()`; of a stream that only listens it means nothing. */
  readonly deadline: number;
}

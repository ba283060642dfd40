/** Remembers what a server has asked its caller, so that only answers to that go back. */
import { Refusal } from '../../shared/refusal.ts';
import { canonicalToken } from './rpc-tokens.ts';

export class SseQuestions {
  readonly #max: number;
  readonly #idTokens = new Set<string>();

  /** The oldest of more than `max` are forgotten. */
  constructor(max: number) {
    this.#max = max;
  }

  ask(idToken: string): void {
    this.#idTokens.add(canonicalToken(idToken));
    const [oldest] = this.#idTokens;
    if (oldest !== undefined && this.#idTokens.size > this.#max) this.#idTokens.delete(oldest);
  }

  /** Throws a refusal for an answer that nobody waits for. */
  settle(idToken: string): void {
    if (this.#idTokens.delete(canonicalToken(idToken))) return;
    throw new Refusal('invalid_request', 'invalid_jsonrpc', 'there is no request of the server that this would answer');
  }
}

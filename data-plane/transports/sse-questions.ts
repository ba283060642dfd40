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

  /** Gives the server an answer to something that it asked. Rejects with a refusal when nobody waits for it; one that was not taken may be given again. */
  async settle(idToken: string, give: () => Promise<void>): Promise<void> {
    if (!this.#idTokens.delete(canonicalToken(idToken)))
      throw new Refusal('invalid_request', 'invalid_jsonrpc', 'there is no request of the server that this would answer');
    try {
      await give();
    } catch (error) {
      this.ask(idToken);
      throw error;
    }
  }
}

/** Initialises a connection in our own name, before it is lent to callers who have no session. */
import { Refusal } from '../../shared/refusal.ts';
import type { GovernedServer } from '../config/governed-server.ts';
import type { SseLink } from './sse-link.ts';
import { INITIALIZE_LINE, INITIALIZED_LINE } from './lifecycle-lines.ts';

export class SseHandshake {
  readonly #answer = Promise.withResolvers<void>();

  /** Resolves when the server takes messages. */
  async perform(link: SseLink): Promise<void> {
    await Promise.all([this.#answer.promise, link.post(INITIALIZE_LINE, [])]);
    await link.post(INITIALIZED_LINE, []);
  }

  /** The server's answer to our `initialize`. */
  hear(isAgreed: boolean, { config }: GovernedServer): void {
    if (isAgreed) this.#answer.resolve();
    else this.giveUp(new Refusal('upstream_error', 'bad_answer', `'${config.slug}' refused to be initialised`));
  }

  giveUp(refusal: Refusal): void {
    this.#answer.reject(refusal);
  }
}

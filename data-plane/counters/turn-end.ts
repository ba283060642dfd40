/** Sends what a turn of the event loop has gathered in one packet, which Redis reads, works on and answers as one. */
import type { RedisLink } from './redis-link.ts';

export class TurnEnd {
  readonly #link: RedisLink;
  readonly #senders: (() => void)[] = [];
  #isScheduled = false;

  constructor(link: RedisLink) {
    this.#link = link;
  }

  /** `send` is called at the end of every turn for which it was asked by anyone, in the order in which senders were added. */
  add(send: () => void): void {
    this.#senders.push(send);
  }

  /** Asks for the end of this turn: after all sockets have been read, so that what arrived together leaves together. */
  schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#end());
  }

  #end(): void {
    this.#isScheduled = false;
    const { stream, status } = this.#link.redis;
    if (status === 'ready') stream.cork();
    for (const send of this.#senders) send();
    if (status === 'ready') stream.uncork();
  }
}

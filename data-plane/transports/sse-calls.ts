/** The calls that are under way on one connection, by the ids that the server knows them by. */
import type { Refusal } from '../../shared/refusal.ts';
import type { SseCall } from './sse-call.ts';
import { HANDSHAKE_ID } from './stdio-lifecycle-lines.ts';

/** Ids stay within what a 32-bit integer of a server in any language holds. */
const ID_MAX = 0x7fff_ffff;

export class SseCalls {
  readonly #calls = new Map<number, SseCall>();
  #lastId = HANDSHAKE_ID;

  get size(): number {
    return this.#calls.size;
  }

  /** An id that no call has, nor our own handshake. */
  nextId(): number {
    do this.#lastId = (this.#lastId % ID_MAX) + 1;
    while (this.#lastId === HANDSHAKE_ID || this.#calls.has(this.#lastId));
    return this.#lastId;
  }

  add(call: SseCall): void {
    this.#calls.set(call.id, call);
  }

  get(id: number): SseCall | undefined {
    return this.#calls.get(id);
  }

  /** False when the call had ended already. */
  remove(call: SseCall): boolean {
    return this.#calls.delete(call.id);
  }

  /** The one call that a caller's `notifications/cancelled` means; undefined when there is none or more than one. */
  meantBy(requestIdToken: string): SseCall | undefined {
    const meant = [...this.#calls.values()].filter((call) => call.isMeantBy(requestIdToken));
    return meant.length === 1 ? meant[0] : undefined;
  }

  /** Lets the newest call that can tell its caller do so; false when none can. */
  tell(data: Buffer): boolean {
    return [...this.#calls.values()].toReversed().some((call) => call.tell(data));
  }

  failAll(refusal: Refusal): void {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const call of calls) call.fail(refusal);
  }
}

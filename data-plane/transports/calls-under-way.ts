/** The calls that are under way on one connection or process, by the ids that the server knows them by. */
import type { Refusal } from '../../shared/refusal.ts';
import type { SplicedCall } from './spliced-call.ts';
import { HANDSHAKE_ID } from './lifecycle-lines.ts';
import { readSubscription } from './server-message.ts';
import type { UpstreamRequest } from './transport.ts';

/** Ids stay within what a 32-bit integer of a server in any language holds. */
const ID_MAX = 0x7fff_ffff;

export class CallsUnderWay {
  readonly #calls = new Map<number, SplicedCall>();
  #lastId = HANDSHAKE_ID;
  #listening = 0;

  get size(): number {
    return this.#calls.size;
  }

  /** Without those that only listen, which have no end to wait for. */
  get working(): number {
    return this.#calls.size - this.#listening;
  }

  /** An id that no call has, nor our own handshake. */
  nextId(): number {
    do this.#lastId = (this.#lastId % ID_MAX) + 1;
    while (this.#lastId === HANDSHAKE_ID || this.#calls.has(this.#lastId));
    return this.#lastId;
  }

  values(): Iterable<SplicedCall> {
    return this.#calls.values();
  }

  add(call: SplicedCall): void {
    this.#calls.set(call.id, call);
    if (call.listens) this.#listening++;
  }

  get(id: number): SplicedCall | undefined {
    return this.#calls.get(id);
  }

  /** False when the call had ended already. */
  remove(call: SplicedCall): boolean {
    const wasThere = this.#calls.delete(call.id);
    if (wasThere && call.listens) this.#listening--;
    return wasThere;
  }

  /** The one call that a caller's `notifications/cancelled` means; undefined when there is none or more than one. */
  meantBy(canceller: UpstreamRequest, requestIdToken: string): SplicedCall | undefined {
    const meant = [...this.#calls.values()].filter((call) => call.isMeantBy(canceller, requestIdToken));
    return meant.length === 1 ? meant[0] : undefined;
  }

  /** Lets the newest call that can tell its caller do so; false when none can. */
  tell(event: Buffer): boolean {
    return [...this.#calls.values()].toReversed().some((call) => call.tell(event));
  }

  /** Tells the call that listens for a notification; false when none does, or it cannot be told now. */
  announce(line: Buffer): boolean {
    const subscription = readSubscription(line);
    return subscription !== undefined && this.#calls.get(subscription.id)?.announce(line, subscription.idRange) === true;
  }

  failAll(refusal: Refusal): void {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    this.#listening = 0;
    for (const call of calls) call.fail(refusal);
  }
}

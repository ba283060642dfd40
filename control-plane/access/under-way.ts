/** Counts what one caller has under way at a time, so that nobody takes the places of all. */
import type { Caller } from './caller.ts';

export class UnderWay {
  readonly #most: number;
  readonly #counts = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Takes a place, and answers what gives it back, once; undefined when the caller has as many as he may. */
  enter(who: string): (() => void) | undefined {
    const count = this.#counts.get(who) ?? 0;
    if (count >= this.#most) return undefined;
    this.#counts.set(who, count + 1);
    return () => {
      const left = (this.#counts.get(who) ?? 1) - 1;
      if (left === 0) this.#counts.delete(who);
      else this.#counts.set(who, left);
    };
  }
}

/** Whose places they are: a token's, a person's in all his sessions, and an address's where nobody has said who he is. */
export function whoseOf(caller: Caller, address: string): string {
  switch (caller.kind) {
    case 'admin':
      return caller.actor.id;
    case 'dataPlane':
      return caller.tokenId;
    case 'anonymous':
      return address;
  }
}

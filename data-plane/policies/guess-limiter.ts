/** Slows down addresses that present keys which do not exist; on this node alone, in bounded memory. */

const WINDOW_MILLIS = 60_000;
const ADDRESSES_MAX = 10_000;

interface Guesses {
  readonly startMillis: number;
  count: number;
}

/** Only failures count, so a busy caller with a good key is never slowed down by its own traffic. */
export class GuessLimiter {
  readonly #perMinute: number;
  readonly #byAddress = new Map<string, Guesses>();

  constructor(perMinute: number) {
    this.#perMinute = perMinute;
  }

  /** Milliseconds until the address may try again; 0 when it may now. */
  waitMillis(address: string, nowMillis: number): number {
    if (this.#byAddress.size === 0) return 0;
    const guesses = this.#byAddress.get(address);
    if (guesses === undefined || guesses.count < this.#perMinute) return 0;
    return Math.max(0, guesses.startMillis + WINDOW_MILLIS - nowMillis);
  }

  noteFailure(address: string, nowMillis: number): void {
    const guesses = this.#byAddress.get(address);
    if (guesses !== undefined && nowMillis < guesses.startMillis + WINDOW_MILLIS) {
      guesses.count++;
      return;
    }
    this.#byAddress.delete(address);
    this.#byAddress.set(address, { startMillis: nowMillis, count: 1 });
    // A Map keeps the order of insertion, so the first address is the one whose window began longest ago.
    if (this.#byAddress.size > ADDRESSES_MAX) {
      for (const oldest of this.#byAddress.keys()) {
        this.#byAddress.delete(oldest);
        break;
      }
    }
  }
}

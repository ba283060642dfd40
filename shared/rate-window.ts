/** The arithmetic of rates, the same in memory and in `data-plane/counters/scripts/admit.lua`: a window that slides in slots, or an even pace with a burst. */

/** A window is cut into this many slots; the slot of the moment and as many before it are summed. */
const SLOTS = 10;

/** At most a limit in any span of the window's length. The sum is kept; slots are looked at only when a new one begins. */
export class SlidingWindow {
  readonly #windowMillis: number;
  readonly #slotMillis: number;
  /** Admissions by slot number, the oldest first, without the present slot. */
  readonly #past = new Map<number, number>();
  #slot = Number.NEGATIVE_INFINITY;
  #slotCount = 0;
  #used = 0;

  constructor(windowMillis: number) {
    this.#windowMillis = windowMillis;
    // Rounded up: the slots before the present one together are never shorter than the window.
    this.#slotMillis = Math.max(1, Math.ceil(windowMillis / SLOTS));
  }

  /**
   * Admissions that may lie within one window before now. The oldest slot counts whole although part of it is older, so that no span of the
   * window's length ever holds more than the limit; capacity comes back up to a slot late.
   */
  used(nowMillis: number): number {
    const slot = Math.floor(nowMillis / this.#slotMillis);
    if (slot !== this.#slot) this.#begin(slot);
    return this.#used;
  }

  take(nowMillis: number): void {
    this.used(nowMillis);
    this.#slotCount++;
    this.#used++;
  }

  /** Milliseconds until the oldest counted slot leaves the window. */
  waitMillis(nowMillis: number): number {
    const [oldest = this.#slot] = this.#past.keys();
    return this.#used === 0 ? this.#windowMillis : Math.max(1, (oldest + SLOTS + 1) * this.#slotMillis - nowMillis);
  }

  #begin(slot: number): void {
    if (this.#slotCount > 0) this.#past.set(this.#slot, (this.#past.get(this.#slot) ?? 0) + this.#slotCount);
    this.#slot = slot;
    this.#slotCount = 0;
    for (const [at, count] of this.#past) {
      if (at >= slot - SLOTS) continue;
      this.#past.delete(at);
      this.#used -= count;
    }
  }
}

/** The bucket is even again `calls` steps after `sinceMillis`. Two whole numbers, so that no rounding adds up from call to call. */
export interface Pace {
  readonly sinceMillis: number;
  readonly calls: number;
}

export interface BurstRate {
  readonly limit: number;
  readonly windowMillis: number;
  readonly burst: number;
}

/**
 * Generic cell rate algorithm: `burst` calls may come at once, after that one every `windowMillis / limit`. Answers the pace after one more
 * call, or how long to wait for it.
 */
export function nextPace(pace: Pace | undefined, nowMillis: number, { limit, windowMillis, burst }: BurstRate): Pace | { readonly waitMillis: number } {
  if (limit === 0 || burst === 0) return { waitMillis: windowMillis };
  const stepMillis = windowMillis / limit;
  const { sinceMillis, calls } = present(pace, nowMillis, stepMillis, burst);
  const excessMillis = sinceMillis - nowMillis + (calls + 1 - burst) * stepMillis;
  return excessMillis > 1e-6 ? { waitMillis: Math.ceil(excessMillis) } : { sinceMillis, calls: calls + 1 };
}

function present(pace: Pace | undefined, nowMillis: number, stepMillis: number, burst: number): Pace {
  if (pace === undefined) return { sinceMillis: nowMillis, calls: 0 };
  const owedMillis = pace.sinceMillis - nowMillis + pace.calls * stepMillis;
  if (owedMillis <= 0) return { sinceMillis: nowMillis, calls: 0 };
  // Only a rate that was made slower, or a clock that was set back, owes more than a whole burst.
  return owedMillis > burst * stepMillis ? { sinceMillis: nowMillis, calls: burst } : pace;
}

/** How many calls the bucket is away from even. */
export function callsOwed(pace: Pace, nowMillis: number, rate: BurstRate): number {
  const owed = (owedMillisOf(pace, nowMillis, rate) * rate.limit) / rate.windowMillis;
  return Math.min(rate.burst, Math.ceil(owed - 1e-6));
}

/** Milliseconds until the bucket is even. */
export function owedMillisOf({ sinceMillis, calls }: Pace, nowMillis: number, { limit, windowMillis }: BurstRate): number {
  return Math.max(0, sinceMillis - nowMillis + (calls * windowMillis) / limit);
}

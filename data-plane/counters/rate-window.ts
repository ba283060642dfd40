/** The arithmetic of rates, the same in memory and in the script: a window that slides in slots, or an even pace with a burst. */

/** A window is cut into this many slots; the slot of the moment and as many before it are summed. */
export const SLOTS = 10;

/** Admissions by slot number, the oldest first. */
export type SlotCounts = Map<number, number>;

/** Length of a slot in milliseconds, rounded up: the slots before the present one together are never shorter than the window. */
export function slotMillisOf(windowMillis: number): number {
  return Math.max(1, Math.ceil(windowMillis / SLOTS));
}

/**
 * Admissions that may lie within one window before now. The oldest slot counts whole although part of it is older, so that no span of the
 * window's length ever holds more than the limit; capacity comes back up to a slot late.
 */
export function usedInWindow(counts: SlotCounts, nowMillis: number, windowMillis: number): number {
  const slot = Math.floor(nowMillis / slotMillisOf(windowMillis));
  let used = 0;
  for (const [at, count] of counts) {
    if (at < slot - SLOTS) counts.delete(at);
    else used += count;
  }
  return used;
}

/** Milliseconds until the oldest counted slot leaves the window. */
export function waitForSlot(counts: SlotCounts, nowMillis: number, windowMillis: number): number {
  const oldest = Math.min(...counts.keys());
  return Number.isFinite(oldest) ? Math.max(1, (oldest + SLOTS + 1) * slotMillisOf(windowMillis) - nowMillis) : windowMillis;
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

/** Milliseconds until the bucket is even. */
export function owedMillisOf({ sinceMillis, calls }: Pace, nowMillis: number, { limit, windowMillis }: BurstRate): number {
  return Math.max(0, sinceMillis - nowMillis + (calls * windowMillis) / limit);
}

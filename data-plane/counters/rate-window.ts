/** The arithmetic of rates, the same in memory and in the script: a window that slides in slots, or an even pace with a burst. */

/** A window is cut into this many slots; the slot of the moment and as many before it are summed. */
export const SLOTS = 10;

/** Admissions by slot number. */
export type SlotCounts = Map<number, number>;

/** Length of a slot in milliseconds, at least one. */
export function slotMillisOf(windowMillis: number): number {
  return Math.max(1, Math.floor(windowMillis / SLOTS));
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
  const slotMillis = slotMillisOf(windowMillis);
  const oldest = Math.min(...counts.keys());
  return Number.isFinite(oldest) ? Math.max(1, (oldest + SLOTS + 1) * slotMillis - nowMillis) : windowMillis;
}

/**
 * Generic cell rate algorithm: `arrivalMillis` is the time at which the bucket would be even again. Answers the next such time, or how long
 * to wait. `burst` calls may come at once; after that one every `windowMillis / limit`.
 */
export function nextArrival(
  arrivalMillis: number,
  nowMillis: number,
  rate: { readonly limit: number; readonly windowMillis: number; readonly burst: number },
): { readonly arrivalMillis: number } | { readonly waitMillis: number } {
  if (rate.limit === 0 || rate.burst === 0) return { waitMillis: rate.windowMillis };
  const stepMillis = rate.windowMillis / rate.limit;
  const next = Math.max(arrivalMillis, nowMillis) + stepMillis;
  const excessMillis = next - nowMillis - rate.burst * stepMillis;
  return excessMillis > 1e-6 ? { waitMillis: Math.ceil(excessMillis) } : { arrivalMillis: next };
}

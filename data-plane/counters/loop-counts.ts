/** What the memory counts against loops, of one organisation. Nothing in here waits, so every method is atomic. */
import type { AdmissionAnswer, LoopCheck, ObservedCheck } from './counters.ts';

interface KeptLoop {
  /** Afterwards nothing of it counts any more. */
  readonly expireAtMillis: number;
  readonly count: number;
  readonly items: ReadonlySet<string>;
}

const NONE: ReadonlySet<string> = new Set();

export class LoopCounts {
  readonly #kept = new Map<string, KeptLoop>();

  get size(): number {
    return this.#kept.size;
  }

  /** The refusal of the first check that is enforced; notes those that only observe. */
  judge(loops: readonly LoopCheck[] = [], observed: ObservedCheck[], now: number): AdmissionAnswer | undefined {
    for (const [index, loop] of loops.entries()) {
      const state = this.#at(loop, now);
      if (!isBroken(loop, state)) continue;
      if (loop.observe) observed.push({ check: 'loop', index });
      else return { kind: 'refused', check: 'loop', index, used: state.count, reserved: 0, carriedOver: 0, retryAfterMillis: state.expireAtMillis - now };
    }
    return undefined;
  }

  take(loops: readonly LoopCheck[] = [], now: number): void {
    for (const loop of loops) {
      const state = this.#at(loop, now);
      if (loop.kind !== 'error_streak' && !isBroken(loop, state)) this.#kept.set(loop.key, next(loop, state));
    }
  }

  settle(loops: readonly LoopCheck[] = [], failed: boolean, now: number): void {
    for (const loop of loops) {
      if (loop.kind !== 'error_streak') continue;
      const { count } = this.#at(loop, now);
      if (failed) this.#kept.set(loop.key, { expireAtMillis: now + loop.windowMillis, count: count + 1, items: NONE });
      else this.#kept.delete(loop.key);
    }
  }

  forgetOld(now: number): void {
    for (const [key, { expireAtMillis }] of this.#kept) if (expireAtMillis <= now) this.#kept.delete(key);
  }

  /** A window begins with what it counts first. */
  #at({ key, windowMillis }: LoopCheck, now: number): KeptLoop {
    const kept = this.#kept.get(key);
    return kept === undefined || kept.expireAtMillis <= now ? { expireAtMillis: now + windowMillis, count: 0, items: NONE } : kept;
  }
}

/** A streak has counted before the call what the others count with it. */
function isBroken(loop: LoopCheck, state: KeptLoop): boolean {
  if (loop.kind === 'error_streak') return state.count >= loop.max;
  const { count } = next(loop, state);
  // Tools that were called before are none further, whatever the limit has become since.
  return count > loop.max && count > state.count;
}

function next({ kind, calls, items: called }: LoopCheck, state: KeptLoop): KeptLoop {
  if (kind !== 'fan_out') return { ...state, count: state.count + calls };
  const items = new Set([...state.items, ...called]);
  return { ...state, count: items.size, items };
}

/** What the memory counts of request rates, of one organisation. Nothing in here waits, so every method is atomic. */
import { callsOwed, nextPace, owedMillisOf, SlidingWindow, type BurstRate, type Pace } from '../../shared/rate-window.ts';
import type { AdmissionAnswer, ObservedCheck, RateCheck } from './counters.ts';

interface KeptPace {
  readonly pace: Pace;
  readonly evenAtMillis: number;
}

/** Why a rate has no room. */
interface RateObjection {
  readonly used: number;
  readonly retryAfterMillis: number;
}

export class RateCounts {
  readonly #slidings = new Map<string, SlidingWindow>();
  readonly #paces = new Map<string, KeptPace>();

  get size(): number {
    return this.#slidings.size + this.#paces.size;
  }

  /** The refusal of the first rate that is enforced; notes those that only observe. */
  judge(rates: readonly RateCheck[], observed: ObservedCheck[], now: number): AdmissionAnswer | undefined {
    for (let index = 0; index < rates.length; index++) {
      const rate = rates[index];
      const objection = rate === undefined ? undefined : this.#objectionOf(rate, now);
      if (objection === undefined) continue;
      if (rate?.observe === true) observed.push({ check: 'rate', index });
      else return { kind: 'refused', check: 'rate', index, reserved: 0, carriedOver: 0, ...objection };
    }
    return undefined;
  }

  take(rates: readonly RateCheck[], now: number): void {
    for (const rate of rates) if (rate.observe !== true || this.#objectionOf(rate, now) === undefined) this.#take(rate, now);
  }

  /** The calls that it has counted and that are not forgotten yet. */
  countedBy({ key, limit, windowMillis, burst }: RateCheck, now: number): number {
    if (burst === undefined) return this.#slidings.get(key)?.used(now) ?? 0;
    const pace = this.#paces.get(key)?.pace;
    return pace === undefined ? 0 : callsOwed(pace, now, { limit, windowMillis, burst });
  }

  forgetOld(now: number): void {
    for (const [key, { evenAtMillis }] of this.#paces) if (evenAtMillis <= now) this.#paces.delete(key);
    for (const [key, sliding] of this.#slidings) if (sliding.used(now) === 0) this.#slidings.delete(key);
  }

  #objectionOf(rate: RateCheck, now: number): RateObjection | undefined {
    return rate.burst === undefined ? this.#objectionOfWindow(rate, now) : this.#objectionOfPace({ ...rate, burst: rate.burst }, rate.key, now);
  }

  #objectionOfWindow({ key, limit, windowMillis }: RateCheck, now: number): RateObjection | undefined {
    const sliding = this.#slidingOf(key, windowMillis);
    const used = sliding.used(now);
    if (used < limit) return undefined;
    return { used, retryAfterMillis: limit === 0 ? windowMillis : sliding.waitMillis(now) };
  }

  #objectionOfPace(rate: BurstRate, key: string, now: number): RateObjection | undefined {
    const next = nextPace(this.#paces.get(key)?.pace, now, rate);
    return 'waitMillis' in next ? { used: rate.limit, retryAfterMillis: next.waitMillis } : undefined;
  }

  #take({ key, limit, windowMillis, burst }: RateCheck, now: number): void {
    if (burst === undefined) return this.#slidingOf(key, windowMillis).take(now);
    const rate = { limit, windowMillis, burst };
    const next = nextPace(this.#paces.get(key)?.pace, now, rate);
    if ('calls' in next) this.#paces.set(key, { pace: next, evenAtMillis: now + owedMillisOf(next, now, rate) });
  }

  #slidingOf(key: string, windowMillis: number): SlidingWindow {
    let sliding = this.#slidings.get(key);
    if (sliding === undefined) this.#slidings.set(key, (sliding = new SlidingWindow(windowMillis)));
    return sliding;
  }
}

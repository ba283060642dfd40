/** Leaves a server alone for a while that fails more often than not: its callers hear of it at once, and it can get to its feet. */
import { Refusal } from '../../shared/refusal.ts';

export interface BreakerLimits {
  /** So many failures within the window, and at least as many as there were successes, stop further calls. */
  readonly failuresMax: number;
  readonly windowMillis: number;
  /** How long nothing is sent; doubles each time that the call behind a pause fails as well. */
  readonly pauseMillisMin: number;
  readonly pauseMillisMax: number;
  /** How long the one call behind a pause is waited for before another may try. */
  readonly trialMillis: number;
}

export const BREAKER_LIMITS: BreakerLimits = { failuresMax: 10, windowMillis: 10_000, pauseMillisMin: 1000, pauseMillisMax: 30_000, trialMillis: 10_000 };

/** Failures of the server or of the way to it; whatever else it answers, it is there. */
const FAILURES: ReadonlySet<string> = new Set([
  'unreachable',
  'connection_lost',
  'bad_status',
  'connect_timeout',
  'header_timeout',
  'idle_timeout',
  'total_timeout',
]);

/** Of one server. Times are monotonic milliseconds. */
export class UpstreamBreaker {
  readonly #slug: string;
  readonly #limits: BreakerLimits;
  #windowEndsAt = 0;
  #successes = 0;
  #failures = 0;
  #pauseMillis: number;
  /** Set from the first pause until a call succeeds. */
  #pausedUntil: number | undefined;
  #triedUntil = 0;

  constructor(slug: string, limits: BreakerLimits = BREAKER_LIMITS) {
    this.#slug = slug;
    this.#limits = limits;
    this.#pauseMillis = limits.pauseMillisMin;
  }

  /** Throws `upstream_error/circuit_open` for a call that must not go. Behind a pause, one call tries for all. */
  requireClosed(now: number): void {
    if (this.#pausedUntil === undefined) return;
    const openUntil = Math.max(this.#pausedUntil, this.#triedUntil);
    if (now >= openUntil) {
      this.#triedUntil = now + this.#limits.trialMillis;
      return;
    }
    const retryAfterSeconds = Math.ceil((openUntil - now) / 1000);
    throw new Refusal('upstream_error', 'circuit_open', `'${this.#slug}' has failed so often that it is left alone for a while`, { retryAfterSeconds });
  }

  succeeded(now: number): void {
    if (this.#pausedUntil !== undefined) {
      // What was sent before the pause says nothing of how the server is now.
      if (now < this.#pausedUntil) return;
      this.#pausedUntil = undefined;
      this.#pauseMillis = this.#limits.pauseMillisMin;
      this.#triedUntil = 0;
      this.#windowEndsAt = 0;
    }
    this.#roll(now);
    this.#successes++;
  }

  failed(refusal: Refusal, now: number): void {
    if (!FAILURES.has(refusal.reason)) return this.succeeded(now);
    if (this.#pausedUntil !== undefined) {
      if (now >= this.#pausedUntil) this.#pause(now);
      return;
    }
    this.#roll(now);
    this.#failures++;
    if (this.#failures >= this.#limits.failuresMax && this.#failures >= this.#successes) this.#pause(now);
  }

  /** The caller left before the server had said anything: another may try. */
  abandoned(): void {
    this.#triedUntil = 0;
  }

  #roll(now: number): void {
    if (now < this.#windowEndsAt) return;
    this.#windowEndsAt = now + this.#limits.windowMillis;
    this.#successes = 0;
    this.#failures = 0;
  }

  #pause(now: number): void {
    this.#pausedUntil = now + this.#pauseMillis;
    this.#pauseMillis = Math.min(2 * this.#pauseMillis, this.#limits.pauseMillisMax);
    this.#triedUntil = 0;
  }
}

/** Stops starting a child process that keeps dying: five deaths within a minute, then a pause that doubles each time. */
import type { Clock } from '../../shared/clock.ts';
import type { StdioLimits } from './stdio-limits.ts';

export class StdioBreaker {
  readonly #clock: Clock;
  readonly #limits: Pick<StdioLimits, 'deathsMax' | 'deathsWindowMillis' | 'pauseMillisMin' | 'pauseMillisMax'>;
  #deaths: number[] = [];
  #pauseMillis: number;
  /** When the last pause ends or ended; undefined without one. */
  #openUntil: number | undefined;

  constructor(clock: Clock, limits: Pick<StdioLimits, 'deathsMax' | 'deathsWindowMillis' | 'pauseMillisMin' | 'pauseMillisMax'>) {
    this.#clock = clock;
    this.#limits = limits;
    this.#pauseMillis = limits.pauseMillisMin;
  }

  /** How long no child may be started; 0 when one may. */
  get pauseLeftMillis(): number {
    return Math.max(0, (this.#openUntil ?? 0) - this.#clock.elapsed());
  }

  recordDeath(): void {
    const now = this.#clock.elapsed();
    this.#forgetPause(now);
    this.#deaths = [...this.#deaths.filter((at) => at > now - this.#limits.deathsWindowMillis), now];
    // After a pause one death is enough: the program had its chance.
    if (this.#openUntil === undefined && this.#deaths.length < this.#limits.deathsMax) return;
    this.#openUntil = now + this.#pauseMillis;
    this.#pauseMillis = Math.min(this.#pauseMillis * 2, this.#limits.pauseMillisMax);
    this.#deaths = [];
  }

  #forgetPause(now: number): void {
    if (this.#openUntil === undefined || now < this.#openUntil + this.#limits.deathsWindowMillis) return;
    this.#openUntil = undefined;
    this.#pauseMillis = this.#limits.pauseMillisMin;
  }
}

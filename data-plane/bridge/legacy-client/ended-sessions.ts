/** Remembers which sessions their clients have ended, as there is no server that would. */
import type { Clock } from '../../../shared/clock.ts';

export interface EndedSessions {
  has(sessionId: string): boolean;
  add(sessionId: string): void;
}

const KEPT_MILLIS = 24 * 3_600_000;
const SESSIONS_MAX = 100_000;

/** Of this node alone; the oldest give way. */
export class MemoryEndedSessions implements EndedSessions {
  readonly #clock: Clock;
  readonly #endedAt = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  has(sessionId: string): boolean {
    const endedAt = this.#endedAt.get(sessionId);
    return endedAt !== undefined && this.#clock.elapsed() - endedAt < KEPT_MILLIS;
  }

  add(sessionId: string): void {
    const now = this.#clock.elapsed();
    for (const [oldest, endedAt] of this.#endedAt) {
      if (this.#endedAt.size < SESSIONS_MAX && now - endedAt < KEPT_MILLIS) break;
      this.#endedAt.delete(oldest);
    }
    this.#endedAt.set(sessionId, now);
  }
}

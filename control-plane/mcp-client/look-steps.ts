/** Keeps what was tried with a server, step by step: how it ended, and how long it took. */
import { complaintOf } from './complaints.ts';

export interface LookStep {
  /** What was tried, such as `streamable-http` or `authorisation-server`. */
  readonly name: string;
  readonly isOk: boolean;
  /** What came of it, in a sentence. */
  readonly detail: string;
  readonly millis: number;
}

const DETAIL_LENGTH_MAX = 300;
export class LookSteps {
  readonly steps: LookStep[] = [];
  readonly #polish: (text: string) => string;

  /** `polish` takes out of a sentence what nobody may read. */
  constructor(polish: (text: string) => string) {
    this.#polish = polish;
  }

  /** Undefined when the work failed; `tell` says in a sentence what it yielded. */
  async try<Yield>(name: string, work: () => Promise<Yield>, tell: (yielded: Yield) => string): Promise<Yield | undefined> {
    const startedAt = performance.now();
    const note = (isOk: boolean, detail: string): void => {
      this.steps.push({ name, isOk, detail: this.#polish(detail).slice(0, DETAIL_LENGTH_MAX), millis: Math.round(performance.now() - startedAt) });
    };
    try {
      const yielded = await work();
      note(true, tell(yielded));
      return yielded;
    } catch (error) {
      note(false, complaintOf(error));
      return undefined;
    }
  }

  /** The last thing that went wrong. */
  get lastFailure(): string | undefined {
    return this.steps.findLast(({ isOk }) => !isOk)?.detail;
  }
}

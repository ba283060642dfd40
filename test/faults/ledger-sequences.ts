/** Random lives of calls against real counters and a model of them: whatever is asked, asked again, extended, settled, settled again or lost. */
import fc from 'fast-check';
import { CountersUnavailable, type Admission, type AdmissionAnswer, type Counters } from '../../data-plane/counters/counters.ts';
import { newId } from '../../shared/ids.ts';
import { eventually } from '../support/processes.ts';

const ACTIONS = ['admit', 'admit', 'admit again', 'extend', 'settle', 'settle again'] as const;
const step = fc.record({
  request: fc.nat(5),
  windows: fc.subarray([0, 1, 2], { minLength: 1 }),
  amount: fc.nat(40),
  percentUsed: fc.nat(100),
  action: fc.constantFrom(...ACTIONS),
});
/** One budget of the key, one of the team, one of the organisation that only observes. */
const LIMITS = [100, 150, 60];
const OBSERVING = 2;
const LATER = 4_102_444_800_000;

export type Sequence = readonly (typeof step extends fc.Arbitrary<infer Step> ? Step : never)[];
export const sequences: fc.Arbitrary<Sequence> = fc.array(step, { minLength: 4, maxLength: 14 });

/** What must be in the counters, and in the records, once everything is over. */
export interface Expected {
  readonly keys: readonly string[];
  /** Of each window; those that nobody settled count what they held. */
  readonly used: readonly number[];
  /** The one event of each admitted request. */
  readonly events: readonly string[];
}

interface Live {
  readonly admission: Admission;
  readonly windows: readonly number[];
  held: number;
  intent: string;
  end: string | undefined;
}

/** Lives the sequence; throws where the counters answer something else than the model. Requests that are not settled are left to be closed as lost. */
export class LedgerLife {
  readonly #counters: Counters;
  readonly #organisationId: string;
  readonly #keys = LIMITS.map(() => newId('limit'));
  readonly #windows = LIMITS.map(() => ({ used: 0, reserved: 0 }));
  readonly #lives = new Map<number, Live>();

  constructor(counters: Counters, organisationId: string) {
    this.#counters = counters;
    this.#organisationId = organisationId;
  }

  async live(sequence: Sequence): Promise<Expected> {
    for (const { request, windows, amount, percentUsed, action } of sequence) {
      const known = this.#lives.get(request);
      if (known === undefined) await this.#admit(request, windows, amount);
      else if (action === 'admit again' && known.end === undefined) await this.#admitAgain(known);
      else if (action === 'extend' && known.end === undefined) await this.#extend(known, amount);
      else if (action === 'settle' || action === 'settle again') this.#settle(known, Math.floor((percentUsed * known.held) / 100));
      this.#holdToLimits();
    }
    return this.#expected();
  }

  async #admit(request: number, windows: readonly number[], amount: number): Promise<void> {
    const requestId = newId('request');
    const holds = windows.map((window) => ({
      key: this.#keys[window] ?? '',
      previousKey: undefined,
      limit: LIMITS[window] ?? 0,
      observe: window === OBSERVING,
      expireAtMillis: LATER,
    }));
    const intent = `lost ${requestId} ${amount}`;
    const admission = { organisationId: this.#organisationId, requestId, rates: [], leases: [], holds, heldAmounts: windows.map(() => amount), intent };
    const answer = await surely(() => this.#counters.admit(admission));
    this.#agree(answer, this.#fits(windows, amount), `admission of ${amount}`);
    if (answer.kind === 'refused') return;
    this.#hold(windows, amount);
    this.#lives.set(request, { admission, windows, held: amount, intent, end: undefined });
  }

  async #admitAgain({ admission }: Live): Promise<void> {
    this.#agree(await surely(() => this.#counters.admit(admission)), true, 'the same admission');
  }

  /** Twice, as after a reply that was lost. */
  async #extend(live: Live, amount: number): Promise<void> {
    const { admission, windows } = live;
    const intent = `lost ${admission.requestId} ${live.held + amount}`;
    const extension = { heldAmounts: windows.map(() => live.held + amount), intent };
    const isPossible = amount === 0 || this.#fits(windows, amount);
    this.#agree(await surely(() => this.#counters.extend(admission, extension)), isPossible, `extension by ${amount}`);
    if (isPossible) this.#agree(await surely(() => this.#counters.extend(admission, extension)), true, 'the same extension');
    if (!isPossible || amount === 0) return;
    this.#hold(windows, amount);
    live.held += amount;
    live.intent = intent;
  }

  #settle(live: Live, actual: number): void {
    const { admission, windows, end } = live;
    const event = end ?? `settled ${admission.requestId} ${actual}`;
    this.#counters.settle({ admission, amounts: windows.map(() => actual), event });
    if (end !== undefined) return;
    live.end = event;
    for (const window of windows) this.#move(window, actual, -live.held);
  }

  #fits(windows: readonly number[], amount: number): boolean {
    return windows.every((window) => {
      const { used, reserved } = this.#windows[window] ?? { used: 0, reserved: 0 };
      return window === OBSERVING || used + reserved + amount <= (LIMITS[window] ?? 0);
    });
  }

  #hold(windows: readonly number[], amount: number): void {
    for (const window of windows) this.#move(window, 0, amount);
  }

  #move(window: number, used: number, reserved: number): void {
    const counts = this.#windows[window];
    if (counts === undefined) throw new Error(`there is no window ${window}`);
    counts.used += used;
    counts.reserved += reserved;
  }

  #agree(answer: AdmissionAnswer, isExpected: boolean, what: string): void {
    if ((answer.kind === 'admitted') !== isExpected) throw new Error(`${what} was ${answer.kind}, windows ${JSON.stringify(this.#windows)}`);
  }

  #holdToLimits(): void {
    for (const [window, { used, reserved }] of this.#windows.entries()) {
      if (window !== OBSERVING && used + reserved > (LIMITS[window] ?? 0)) throw new Error(`window ${window} is past its limit: ${used} and ${reserved}`);
    }
  }

  #expected(): Expected {
    const used = this.#windows.map((counts) => counts.used);
    const events: string[] = [];
    for (const { end, intent, windows, held } of this.#lives.values()) {
      events.push(end ?? intent);
      if (end === undefined) for (const window of windows) used[window] = (used[window] ?? 0) + held;
    }
    return { keys: this.#keys, used, events };
  }
}

/** On a busy machine Redis may be too slow for a moment. Whether it took what was asked nobody knows then, and asking again counts nothing twice. */
function surely(ask: () => Promise<AdmissionAnswer>): Promise<AdmissionAnswer> {
  return eventually(
    () =>
      ask().catch((error: unknown) => {
        if (error instanceof CountersUnavailable) return undefined;
        throw error;
      }),
    'Redis answering',
  );
}

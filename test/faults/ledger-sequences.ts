/** Random lives of calls against real counters and a model of them: whatever is asked, asked again, extended, settled, settled again or lost. */
import fc from 'fast-check';
import {
  CountersUnavailable,
  type Admission,
  type AdmissionAnswer,
  type AheadTerms,
  type Counters,
  type HoldCheck,
} from '../../data-plane/counters/counters.ts';
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
/** Calls under few different limits, so that many of them can share room. */
const alikeStep = fc.record({
  request: fc.nat(9),
  windows: fc.constantFrom(0, 1, 2).map((last) => [0, 1, 2].slice(0, last + 1)),
  amount: fc.nat(9),
  percentUsed: fc.nat(100),
  action: fc.constantFrom(...ACTIONS),
});
/** One budget of the key, one of the team, one of the organisation that only observes. */
const LIMITS = [100, 150, 60];
const OBSERVING = 2;
const LATER = 4_102_444_800_000;

export type Sequence = readonly (typeof step extends fc.Arbitrary<infer Step> ? Step : never)[];
export const sequences: fc.Arbitrary<Sequence> = fc.array(step, { minLength: 4, maxLength: 14 });
export const alikeSequences: fc.Arbitrary<Sequence> = fc.array(alikeStep, { minLength: 8, maxLength: 30 });

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
  readonly keys = LIMITS.map(() => newId('limit'));
  readonly #windows = LIMITS.map(() => ({ used: 0, reserved: 0 }));
  readonly #lives = new Map<number, Live>();
  /** By the windows: the same list from call to call. */
  readonly #holds = new Map<string, readonly HoldCheck[]>();
  /** For how many calls room may be taken at once. */
  readonly #ahead: number;
  /** How often room for several calls was asked for. */
  askedAhead = 0;

  constructor(counters: Counters, organisationId: string, ahead = 1) {
    this.#counters = counters;
    this.#organisationId = organisationId;
    this.#ahead = ahead;
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
    const intent = `lost ${requestId} ${amount}`;
    const admission = {
      organisationId: this.#organisationId,
      requestId,
      rates: [],
      leases: [],
      holds: this.#holdsOf(windows),
      heldAmounts: windows.map(() => amount),
      intent,
      ahead: this.#aheadOf(requestId),
    };
    const answer = await surely(() => this.#counters.admit(admission));
    this.#agree(answer, this.#fits(windows, amount), `admission of ${amount}`);
    if (answer.kind === 'refused') return;
    this.#hold(windows, amount);
    this.#lives.set(request, { admission, windows, held: amount, intent, end: undefined });
  }

  #holdsOf(windows: readonly number[]): readonly HoldCheck[] {
    let holds = this.#holds.get(windows.join());
    if (holds === undefined) this.#holds.set(windows.join(), (holds = windows.map((window) => this.#holdOf(window))));
    return holds;
  }

  #holdOf(window: number): HoldCheck {
    return { key: this.keys[window] ?? '', previousKey: undefined, limit: LIMITS[window] ?? 0, observe: window === OBSERVING, expireAtMillis: LATER };
  }

  #aheadOf(requestId: string): AheadTerms | undefined {
    if (this.#ahead === 1) return undefined;
    const intentFor = (heldAmounts: readonly number[]) => {
      this.askedAhead++;
      // Every window holds the same.
      return `lost ${requestId} ${heldAmounts[0] ?? 0}`;
    };
    return { calls: this.#ahead, intentFor };
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
    const answer = await surely(() => this.#counters.extend(admission, extension));
    this.#agree(answer, isPossible, `extension by ${amount}`);
    if (answer.kind === 'refused') return;
    this.#agree(await surely(() => this.#counters.extend(admission, extension)), true, 'the same extension');
    if (amount === 0) return;
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

  /** What others hold ahead may be missing for a while; nothing may be admitted that does not fit. */
  #agree(answer: AdmissionAnswer, isExpected: boolean, what: string): void {
    if (this.#ahead > 1 && isExpected && answer.kind === 'refused') return;
    if ((answer.kind === 'admitted') !== isExpected) throw new Error(`${what} was ${answer.kind}, windows ${JSON.stringify(this.#windows)}`);
  }

  #holdToLimits(): void {
    for (const [window, { used, reserved }] of this.#windows.entries()) {
      if (window !== OBSERVING && used + reserved > (LIMITS[window] ?? 0)) throw new Error(`window ${window} is past its limit: ${used} and ${reserved}`);
    }
  }

  /**
   * What the events, by request, say was used of each window. A request has none only where that of a lost one under the same limits stands for it; throws for
   * any other, and where they say that a limit was passed.
   */
  usedBy(events: ReadonlyMap<string, string>): number[] {
    const used = LIMITS.map(() => 0);
    const eventOf = ({ admission }: Live) => events.get(admission.requestId);
    const lives = [...this.#lives.values()];
    for (const live of lives) {
      const event = eventOf(live);
      if (event === undefined && !lives.some((other) => other.admission.holds === live.admission.holds && eventOf(other)?.startsWith('lost'))) {
        throw new Error(`nothing was told of ${live.admission.requestId}`);
      }
      const amount = Number(event?.split(' ')[2] ?? 0);
      for (const window of live.windows) used[window] = (used[window] ?? 0) + amount;
    }
    for (const [window, amount] of used.entries())
      if (window !== OBSERVING && amount > (LIMITS[window] ?? 0)) throw new Error(`${amount} were used of window ${window}`);
    return used;
  }

  #expected(): Expected {
    const used = this.#windows.map((counts) => counts.used);
    const events: string[] = [];
    for (const { end, intent, windows, held } of this.#lives.values()) {
      events.push(end ?? intent);
      if (end === undefined) for (const window of windows) used[window] = (used[window] ?? 0) + held;
    }
    return { keys: this.keys, used, events };
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

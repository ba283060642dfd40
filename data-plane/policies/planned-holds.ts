/** The budgets and quotas that count a call, with the counters' checks for them: the same objects from call to call, until a window ends. */
import type { Limit } from '../../shared/limit.ts';
import { windowAt, type ScheduleWindow } from '../../shared/schedule-window.ts';
import { windowKeptUntil, windowKeysOf } from '../../shared/window-counts.ts';
import type { HoldCheck } from '../counters/counters.ts';

/** A limit with the window that counts it at the moment. */
export interface PlannedLimit {
  readonly limit: Limit;
  readonly amount: number;
  readonly windowEndMillis: number;
}

/** Limits and checks by the same index. */
export interface PlannedHolds {
  readonly limits: readonly PlannedLimit[];
  readonly checks: readonly HoldCheck[];
  /** For so many calls every enforced limit lets room be taken at once; 1 when each call asks. */
  readonly allotmentCalls: number;
}

export const NO_HOLDS: PlannedHolds = { limits: [], checks: [], allotmentCalls: 1 };

export class HoldPlanner {
  readonly #limits: readonly Limit[];
  /** Tools that a limit of their own counts. */
  readonly #tools: ReadonlySet<string>;
  /** By tool; undefined stands for all that no limit names. */
  readonly #planned = new Map<string | undefined, PlannedHolds>();
  /** Until when the schedules stay as they were planned. */
  #untilMillis = Number.NEGATIVE_INFINITY;
  #fromMillis = 0;

  constructor(limits: readonly Limit[]) {
    this.#limits = limits;
    this.#tools = new Set(limits.flatMap(({ tool }) => (tool === null ? [] : [tool])));
  }

  /** The limits that count a call of these tools, or of none, and whose schedule is running. */
  at(nowMillis: number, tools: readonly string[]): PlannedHolds {
    if (this.#limits.length === 0) return NO_HOLDS;
    // A clock may also be set back.
    if (nowMillis >= this.#untilMillis || nowMillis < this.#fromMillis) this.#begin(nowMillis);
    const named = this.#tools.size === 0 ? [] : tools.filter((tool) => this.#tools.has(tool));
    // Batches may name tools in any mixture, and mixtures are not worth remembering.
    if (named.length > 1) return this.#plan(nowMillis, named);
    const [tool] = named;
    let holds = this.#planned.get(tool);
    if (holds === undefined) this.#planned.set(tool, (holds = this.#plan(nowMillis, named)));
    return holds;
  }

  #begin(nowMillis: number): void {
    this.#planned.clear();
    this.#fromMillis = Math.max(0, ...this.#limits.map((limit) => windowAt(limit, nowMillis)?.startMillis ?? 0));
    this.#untilMillis = Math.min(...this.#limits.map((limit) => nextChangeOf(limit, nowMillis)));
  }

  #plan(nowMillis: number, tools: readonly string[]): PlannedHolds {
    const running = this.#limits
      .filter(({ tool }) => tool === null || tools.includes(tool))
      .flatMap((limit) => {
        const window = windowAt(limit, nowMillis);
        return window === undefined ? [] : [{ limit, window }];
      });
    return {
      limits: running.map(({ limit, window }) => ({ limit, amount: Number(limit.amount), windowEndMillis: window.endMillis })),
      checks: running.map(({ limit, window }) => checkOf(limit, window)),
      allotmentCalls: allotmentCallsOf(running.map(({ limit }) => limit)),
    };
  }
}

/** Under limits that only observe, calls go on when Redis falls silent, and nothing would give back what it may have taken for many. */
function allotmentCallsOf(limits: readonly Limit[]): number {
  const enforced = limits.filter(({ mode }) => mode === 'ENFORCE');
  return enforced.length === 0 ? 1 : Math.min(...enforced.map(({ allotmentCalls }) => allotmentCalls ?? 1));
}

function checkOf(limit: Limit, window: ScheduleWindow): HoldCheck {
  return {
    ...windowKeysOf(limit, window),
    limit: Number(limit.amount),
    observe: limit.mode === 'OBSERVE',
    expireAtMillis: windowKeptUntil(limit, window),
  };
}

/** When the window of the moment ends, or the schedule begins or ends; never, for one that is over. */
function nextChangeOf(limit: Limit, nowMillis: number): number {
  const window = windowAt(limit, nowMillis);
  if (window !== undefined) return Math.min(window.endMillis, limit.endAtMillis ?? Infinity);
  return nowMillis < limit.startAtMillis ? limit.startAtMillis : Infinity;
}

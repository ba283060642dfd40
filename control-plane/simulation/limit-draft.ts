/** A budget or quota that might be, as a simulation asks it: used up window by window by what recorded calls used. */
import { orderOfStep } from '../../shared/access-steps.ts';
import { LEAST_OUTPUT_BYTES, type Limit, type LimitMetric } from '../../shared/limit.ts';
import { costOf, toPrice } from '../../shared/pricing.ts';
import { windowAt, windowBefore, type ScheduleWindow } from '../../shared/schedule-window.ts';
import { HOUSEKEEPING } from '../../shared/uncounted-methods.ts';
import type { SqlCondition } from '../database/sql-condition.ts';
import type { Draft, DraftCheck } from './draft.ts';
import type { RecordedCall } from './recorded-calls.ts';

export type DraftLimit = Pick<Limit, 'metric' | 'amount' | 'period' | 'timezone' | 'rollover' | 'tool'>;

export interface LimitDraftParts {
  readonly limit: DraftLimit;
  readonly scope: SqlCondition;
  readonly replacedId: string | undefined;
}

/** A draft is tried on what was before it, whenever it would begin or end. */
const ALWAYS = { startAtMillis: 0, endAtMillis: null } as const;
type TriedLimit = DraftLimit & typeof ALWAYS;

export function limitDraft({ limit: given, scope, replacedId }: LimitDraftParts): Draft {
  const limit = { ...given, ...ALWAYS };
  return {
    scope,
    checks: [windowCheck(limit)],
    replaces: ({ rule }) => replacedId !== undefined && rule?.kind === 'limit' && rule.id === replacedId,
    countsFrom: (gteMillis) => {
      const window = windowAt(limit, gteMillis);
      const previous = window !== undefined && limit.rollover ? windowBefore(limit, window) : undefined;
      return (previous ?? window)?.startMillis ?? gteMillis;
    },
    notes: [
      'calls are counted one after the other, by what they used: what is held for calls that are under way at the same moment is not',
      ...(replacedId === undefined ? [] : ['a call that the present limit refused counts by its price and its input, since it had no answer']),
    ],
  };
}

function windowCheck(limit: TriedLimit): DraftCheck {
  const amount = Number(limit.amount);
  /** By the beginning of the window. */
  const used = new Map<number, number>();
  const usedIn = (window: ScheduleWindow | undefined) => (window === undefined ? 0 : (used.get(window.startMillis) ?? 0));
  const windowOf = windowFinder(limit);
  const counts = (call: RecordedCall) => isCounted(call) && (limit.tool === null || limit.tool === call.tool);
  const objection = limit.metric === 'NANO_USD' ? BUDGET : QUOTA;
  return {
    step: orderOfStep('reserveSpend'),
    judge: (call) => {
      const window = counts(call) ? windowOf(call.occurred_at.getTime()) : undefined;
      if (window === undefined) return 'passes';
      const before = limit.rollover ? windowBefore(limit, window) : undefined;
      const carriedOver = before === undefined ? 0 : Math.max(0, amount - usedIn(before));
      const needed = Math.max(leastOf(call, limit.metric), usageOf(call, limit.metric));
      return usedIn(window) + needed > amount + carriedOver ? objection : 'passes';
    },
    take: (call) => {
      const window = counts(call) ? windowOf(call.occurred_at.getTime()) : undefined;
      if (window !== undefined) used.set(window.startMillis, usedIn(window) + usageOf(call, limit.metric));
    },
  };
}

const BUDGET = { code: 'budget_exceeded', reason: 'budget_exhausted', path: 'amount' } as const;
const QUOTA = { code: 'quota_exceeded', reason: 'quota_exhausted', path: 'amount' } as const;

/** Calls come in their order, so the window of one is mostly that of the next. */
function windowFinder(limit: TriedLimit): (millis: number) => ScheduleWindow | undefined {
  let known: ScheduleWindow | undefined;
  return (millis) => {
    if (known === undefined || millis < known.startMillis || millis >= known.endMillis) known = windowAt(limit, millis);
    return known;
  };
}

function isCounted({ rpc_method: method }: RecordedCall): boolean {
  return method !== null && !HOUSEKEEPING.has(method) && !method.startsWith('notifications/');
}

function usageOf(call: RecordedCall, metric: LimitMetric): number {
  switch (metric) {
    case 'NANO_USD':
      return call.decision === 'DENIED' ? costWith(call, 0) : Number(call.cost_nanos_usd);
    case 'REQUESTS':
      return 1;
    case 'TOOL_CALLS':
      return call.tool === null ? 0 : 1;
    case 'ERRORS':
      return call.decision === 'ERRORED' || call.is_tool_error ? 1 : 0;
    case 'INPUT_BYTES':
      return call.input_bytes;
    case 'OUTPUT_BYTES':
      return call.output_bytes;
    case 'LATENCY_MS':
      return call.decision === 'DENIED' ? 0 : Math.round(call.latency_micros / 1000);
  }
}

/** Without so much room a call is not admitted, however little it then uses. */
function leastOf(call: RecordedCall, metric: LimitMetric): number {
  if (metric === 'NANO_USD') return costWith(call, LEAST_OUTPUT_BYTES);
  if (metric === 'OUTPUT_BYTES') return LEAST_OUTPUT_BYTES;
  return metric === 'ERRORS' || metric === 'LATENCY_MS' ? 1 : 0;
}

function costWith({ pricing, input_bytes: inputBytes }: RecordedCall, outputBytes: number): number {
  return pricing === null ? 0 : Number(costOf(toPrice(pricing, false), inputBytes, outputBytes));
}

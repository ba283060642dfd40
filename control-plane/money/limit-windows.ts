/** Shows windows of limits: the one of the moment from what the counters hold, past ones from what the records cost. */
import type DataLoader from 'dataloader';
import type { Limit as LimitDocument } from '../../shared/limit.ts';
import { windowAt, windowBefore, type ScheduleWindow } from '../../shared/schedule-window.ts';
import { restOf, windowKeysOf, type WindowCounts } from '../../shared/window-counts.ts';
import { toLimitDocument } from './limit.document.ts';
import type { Limit } from './limit.entity.ts';
import type { LimitWindowType } from './limit.types.ts';
import type { CostSpan } from './window-costs.ts';

/** Null while the schedule is not running. */
export async function presentWindow(limit: Limit, nowMillis: number, counts: DataLoader<string, WindowCounts>): Promise<LimitWindowType | null> {
  const document = toLimitDocument(limit);
  const window = windowAt(document, nowMillis);
  if (window === undefined) return null;
  const { key, previousKey } = windowKeysOf(document, window);
  const [present, previous] = await Promise.all([counts.load(key), previousKey === undefined ? undefined : counts.load(previousKey)]);
  const carriedOver = previous === undefined ? 0 : restOf(Number(limit.amount), previous);
  const shown = shownWindow(limit, window, { used: BigInt(present.used), reserved: BigInt(present.reserved), carriedOver: BigInt(carriedOver) });
  return { ...shown, projectedExhaustionAt: exhaustionOf(limit, shown, nowMillis) };
}

/** The windows of a limit in which calls may be under way: that of the moment and the one before it, as far as the limit counted in that. */
export function openWindowsOf(limit: LimitDocument, nowMillis: number): ScheduleWindow[] {
  const window = windowAt(limit, nowMillis);
  if (window === undefined) return [];
  const before = windowBefore(limit, window);
  return before === undefined || before.endMillis <= limit.countedSinceMillis ? [window] : [window, before];
}

/** The windows before the one of the moment, newest first, as far back as the schedule goes. */
export async function pastWindows(
  limit: Limit,
  nowMillis: number,
  wanted: { readonly first: number; readonly costs: DataLoader<CostSpan, bigint> },
): Promise<LimitWindowType[]> {
  // One more than is shown: its rest is what the oldest shown one was given.
  const windows = windowsBefore(limit, nowMillis, wanted.first + 1);
  const costs = await Promise.all(windows.map((window) => wanted.costs.load({ limit, window })));
  return windows.slice(0, wanted.first).map((window, index) => {
    const before = costs[index + 1];
    const left = before === undefined ? 0n : BigInt(limit.amount) - before;
    return shownWindow(limit, window, { used: costs[index] ?? 0n, reserved: 0n, carriedOver: limit.rollover && left > 0n ? left : 0n });
  });
}

function windowsBefore(limit: Limit, nowMillis: number, count: number): ScheduleWindow[] {
  const document = toLimitDocument(limit);
  const { endAtMillis } = document;
  const running = windowAt(document, nowMillis);
  const isOver = endAtMillis !== null && endAtMillis <= nowMillis;
  let window = running === undefined ? (isOver ? windowAt(document, endAtMillis - 1) : undefined) : windowBefore(document, running);
  const windows: ScheduleWindow[] = [];
  for (; window !== undefined && windows.length < count; window = windowBefore(document, window)) windows.push(window);
  return windows;
}

function shownWindow(limit: Limit, window: ScheduleWindow, counted: { used: bigint; reserved: bigint; carriedOver: bigint }): LimitWindowType {
  const { used, reserved, carriedOver } = counted;
  const remaining = BigInt(limit.amount) + carriedOver - used - reserved;
  return {
    startsAt: new Date(window.startMillis),
    endsAt: new Date(window.endMillis),
    limit: limit.amount,
    used: String(used),
    reserved: String(reserved),
    remaining: String(remaining > 0n ? remaining : 0n),
    carriedOver: String(carriedOver),
    projectedExhaustionAt: null,
  };
}

/** At the pace at which the window has been used since it is counted. */
function exhaustionOf(limit: Limit, window: LimitWindowType, nowMillis: number): Date | null {
  const elapsedMillis = nowMillis - Math.max(window.startsAt.getTime(), limit.startAt.getTime(), limit.countedSince.getTime());
  const [used, remaining] = [Number(window.used), Number(window.remaining)];
  if (used === 0 || remaining === 0 || elapsedMillis <= 0) return null;
  const atMillis = nowMillis + (remaining / used) * elapsedMillis;
  return atMillis < window.endsAt.getTime() ? new Date(atMillis) : null;
}

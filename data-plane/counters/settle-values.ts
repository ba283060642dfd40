/** Writes a batch of settlements as the values that `scripts/settle.lua` takes. */
import type { Admission } from './counters.ts';
import type { OutboxEntry, UsedAmounts } from './settlement-outbox.ts';

interface WindowSums {
  held: number;
  actual: number;
}

/** What leases and windows change by is summed over all requests. A request that is settled twice in a batch counts once. */
export function settleValues(batch: readonly OutboxEntry[]): string[] {
  const settled = new Map<string, UsedAmounts>();
  for (const { settlement } of batch) {
    if (settlement !== undefined && !settled.has(settlement.admission.requestId)) settled.set(settlement.admission.requestId, settlement);
  }
  const leases = new Map<string, number>();
  const windows = new Map<string, WindowSums>();
  for (const { admission, amounts } of settled.values()) {
    for (const { key } of admission.leases) leases.set(key, (leases.get(key) ?? 0) + 1);
    addSums(windows, admission, amounts);
  }
  const events = batch.flatMap((entry) => entry.events);
  const values = [String(settled.size), String(leases.size), String(windows.size), String(events.length), ...settled.keys()];
  for (const [key, count] of leases) values.push(key, String(count));
  for (const [key, { held, actual }] of windows) values.push(key, String(held), String(actual));
  for (const event of events) values.push(event);
  for (const [key, { windowMillis, hasSucceeded, failures }] of streaksOf(settled.values())) {
    values.push(key, String(windowMillis), hasSucceeded ? '1' : '0', String(failures));
  }
  return values;
}

function addSums(windows: Map<string, WindowSums>, { holds, heldAmounts }: Admission, amounts: readonly number[]): void {
  for (let index = 0; index < holds.length; index++) {
    const key = holds[index]?.key ?? '';
    const held = heldAmounts[index] ?? 0;
    const actual = amounts[index] ?? 0;
    const sums = windows.get(key);
    if (sums === undefined) windows.set(key, { held, actual });
    else {
      sums.held += held;
      sums.actual += actual;
    }
  }
}

/** What became of a streak of errors in the batch. */
interface Streak {
  readonly windowMillis: number;
  hasSucceeded: boolean;
  /** In a row, at the end. */
  failures: number;
}

function streaksOf(settled: Iterable<UsedAmounts>): Map<string, Streak> {
  const streaks = new Map<string, Streak>();
  for (const { admission, failed } of settled) {
    if (failed === undefined) continue;
    for (const { kind, key, windowMillis } of admission.loops ?? []) if (kind === 'error_streak') goOn(streaks, { key, windowMillis, failed });
  }
  return streaks;
}

function goOn(
  streaks: Map<string, Streak>,
  { key, windowMillis, failed }: { readonly key: string; readonly windowMillis: number; readonly failed: boolean },
): void {
  let streak = streaks.get(key);
  if (streak === undefined) streaks.set(key, (streak = { windowMillis, hasSucceeded: false, failures: 0 }));
  if (failed) return void streak.failures++;
  streak.hasSucceeded = true;
  streak.failures = 0;
}

/** What is used up of the windows of limits: the data plane counts it, the control plane shows it, and both find it by the same keys. */
import type { Limit } from './limit.ts';
import { windowAfter, windowBefore, type Schedule, type ScheduleWindow } from './schedule-window.ts';

/** In the unit of the limit's metric; whole numbers below 2^53. */
export interface WindowCounts {
  readonly used: number;
  /** Held for calls that are under way. */
  readonly reserved: number;
}

export const NOTHING_COUNTED: WindowCounts = { used: 0, reserved: 0 };

/** The counters do not answer. */
export class WindowCountsUnavailable extends Error {
  override readonly name = 'WindowCountsUnavailable';
}

/** Where the control plane reads counts from. One contract, an implementation per store. */
export interface WindowCountsSource {
  /** In the order of the keys, of one moment, in one round trip. Rejects with `WindowCountsUnavailable` and nothing else. */
  read(organisationId: string, keys: readonly string[]): Promise<readonly WindowCounts[]>;
  close(): Promise<void>;
}

/** Names of a window's counts, and of those whose rest it may use too. */
export interface WindowKeys {
  readonly key: string;
  readonly previousKey: string | undefined;
}

export function windowKeysOf(limit: Schedule & Pick<Limit, 'id' | 'rollover' | 'countedSinceMillis'>, window: ScheduleWindow): WindowKeys {
  const { id, rollover, countedSinceMillis } = limit;
  // Under another schedule, windows may begin at the same moment and be others: those of one counting never share a name with those of another.
  const keyOf = ({ startMillis }: ScheduleWindow) => `${id}:${Math.max(startMillis, countedSinceMillis)}`;
  const previous = rollover ? windowBefore(limit, window) : undefined;
  return { key: keyOf(window), previousKey: previous === undefined || previous.endMillis <= countedSinceMillis ? undefined : keyOf(previous) };
}

/** What a window leaves to the next one. */
export function restOf(amount: number, { used, reserved }: WindowCounts): number {
  return Math.max(0, amount - used - reserved);
}

/** The hash in Redis that holds an organisation's counts. */
export function countsKeyOf(organisationId: string): string {
  return `{${organisationId}}:counts`;
}

const USED_AT = 8;
const RESERVED_AT = 16;

/** Reads a window as the scripts pack it: expireAt, used and reserved, eight bytes each. */
export function readPackedWindow(packed: Buffer): WindowCounts {
  return { used: Number(packed.readBigInt64LE(USED_AT)), reserved: Number(packed.readBigInt64LE(RESERVED_AT)) };
}

/** In which memory of which Redis an organisation's windows were counted: the field `epoch` of its counts (`data-plane/counters/scripts/epoch.lua`). */
export interface Epoch {
  readonly generation: number;
  readonly greeting: string;
}

const GENERATION_AT = 8;
const GREETING_AT = 16;

/** Reads an epoch as the scripts pack it. */
export function readPackedEpoch(packed: Buffer): Epoch {
  return { generation: Number(packed.readBigInt64LE(GENERATION_AT)), greeting: packed.toString('latin1', GREETING_AT) };
}

/** Set of organisations whose windows Redis has lost: the data planes add them, the control plane counts them again. */
export const REBUILDS_KEY = 'turnpike:rebuilds';
/** Since when the nodes know this Redis with the memory that it has: "runId millis". */
export const GREETING_KEY = 'turnpike:greeting';

/** Counters of a window are kept this long past the end of the next one, which may use their rest, for calls that settle late. */
const WINDOW_KEPT_MILLIS = 48 * 3_600_000;

/** When a window's counts may be forgotten. */
export function windowKeptUntil(schedule: Schedule, window: ScheduleWindow): number {
  return windowAfter(schedule, window).endMillis + WINDOW_KEPT_MILLIS;
}

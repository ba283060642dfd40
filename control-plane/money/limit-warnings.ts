/** Tells what is new of a window: which share of its limit it passed, and whether anything of it moved. */
import type { Limit } from './limit.entity.ts';
import type { LimitWindowType } from './limit.types.ts';

/** What a follower knows of a window. */
export interface SeenWindow {
  readonly startsAtMillis: number;
  /** The highest share that was told, 0 for none. A window tells each once, however holds come and go. */
  readonly toldPercent: number;
  readonly counted: string;
}

/** What is new of a window since it was last seen, if it was. */
export function lookAt(
  limit: Pick<Limit, 'warnAtPercent'>,
  window: LimitWindowType,
  before: SeenWindow | undefined,
): { now: SeenWindow; crossedPercent: number | null; isMoved: boolean } {
  const startsAtMillis = window.startsAt.getTime();
  const told = before?.startsAtMillis === startsAtMillis ? before.toldPercent : 0;
  const passed = Math.max(0, ...limit.warnAtPercent.filter((percent) => hasPassed(window, percent)));
  const counted = `${window.used} ${window.reserved}`;
  return {
    now: { startsAtMillis, toldPercent: Math.max(told, passed), counted },
    crossedPercent: passed > told ? passed : null,
    isMoved: before === undefined || before.startsAtMillis !== startsAtMillis || before.counted !== counted,
  };
}

/** Of what may be used in the window, also what was carried over. A limit of nothing has no shares. */
function hasPassed({ used, reserved, limit, carriedOver }: LimitWindowType, percent: number): boolean {
  const available = BigInt(limit) + BigInt(carriedOver);
  return available > 0n && (BigInt(used) + BigInt(reserved)) * 100n >= available * BigInt(percent);
}

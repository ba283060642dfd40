/** Says what of a window nothing explains, from what counters, records, intents and sums hold of it. */
import type { LimitMetric } from '../../shared/limit.ts';
import type { RolledUpSums, UsageSum } from './rolled-up-sums.ts';

/** One window, everything of one moment. Amounts are in the unit of the limit. */
export interface ComparedWindow {
  readonly used: bigint;
  readonly recorded: bigint;
  /** Of what was recorded: used by calls that the limit did not count, since their node did not know it then. */
  readonly notCounted: bigint;
  readonly reserved: bigint;
  readonly underWay: bigint;
  readonly rolledUp: RolledUpSums;
}

/** Differences that are 0 unless something went wrong; above 0 where there is more than records and intents say. */
export interface Unexplained {
  /** In the unit of the limit. */
  readonly used: bigint;
  readonly reserved: bigint;
  /** Of the sums per hour or per day, whichever is further off. */
  readonly rolledUpCalls: bigint;
  readonly rolledUpNanosUsd: bigint;
}

/** What a quota counted is not always what its records say: a batch is one record, and a call that failed in the gateway has one that looks like a refusal. */
export function unexplainedOf({ used, recorded, notCounted, reserved, underWay, rolledUp }: ComparedWindow, metric: LimitMetric): Unexplained {
  return {
    used: metric === 'NANO_USD' ? used - (recorded - notCounted) : 0n,
    reserved: reserved - underWay,
    rolledUpCalls: offIn(rolledUp, 'calls'),
    rolledUpNanosUsd: offIn(rolledUp, 'nanosUsd'),
  };
}

/** The largest amount of money among them, without its sign. */
export function unexplainedNanosOf({ used, reserved, rolledUpNanosUsd }: Unexplained, metric: LimitMetric): bigint {
  return sizeOf(metric === 'NANO_USD' ? largest([used, reserved, rolledUpNanosUsd]) : rolledUpNanosUsd);
}

export function isExplained(unexplained: Unexplained): boolean {
  return Object.values(unexplained).every((amount) => amount === 0n);
}

/** What an earlier comparison of the same window found. */
export interface EarlierComparison {
  readonly epoch: string;
  readonly recorded: bigint;
  readonly notCounted: bigint;
}

/**
 * How much more the records may say than the counters. It grows only where the limit was new to nodes since the earlier comparison, by no more than was
 * recorded since then, and shrinks only when windows were counted again, which is from the records.
 */
export function notCountedOf(
  { used, recorded, epoch }: Pick<ComparedWindow, 'used' | 'recorded'> & { readonly epoch: string },
  earlier: EarlierComparison | undefined,
  isNew: boolean,
): bigint {
  const known = earlier?.notCounted ?? 0n;
  const least = earlier === undefined || earlier.epoch === epoch ? known : 0n;
  const since = recorded - (earlier?.recorded ?? 0n);
  const most = isNew && since > 0n ? known + since : known;
  const missing = recorded - used;
  if (missing <= least) return least;
  return missing < most ? missing : most;
}

function offIn({ records, hours, days }: RolledUpSums, sum: keyof UsageSum): bigint {
  return largest([hours, days].map((rolledUp) => BigInt(rolledUp[sum]) - BigInt(records[sum])));
}

function largest(amounts: readonly bigint[]): bigint {
  return amounts.reduce((left, right) => (sizeOf(right) > sizeOf(left) ? right : left));
}

function sizeOf(amount: bigint): bigint {
  return amount < 0n ? -amount : amount;
}

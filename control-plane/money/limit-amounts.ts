/** Reads how much a limit allows, and when to warn: exact, and no more than the counters can count. */
import { z } from 'zod';
import { ALLOTMENT_CALLS_MAX, LIMIT_AMOUNT_MAX, ROLLOVER_AMOUNT_MAX } from '../../shared/limit.ts';
import { formatUsd, parseUsd } from '../../shared/nanos-usd.ts';
import { parseInput, refuseInput } from '../graphql/input-refused.ts';

export type LimitKind = 'Budget' | 'Quota';

const WARNINGS_MAX = 10;
const warningsSchema = z
  .array(z.int().min(1, 'a warning comes at 1 percent at the earliest').max(100, 'a warning comes at 100 percent at the latest'))
  .max(WARNINGS_MAX);
const allotmentSchema = z.int().min(1, 'room is for one call at least').max(ALLOTMENT_CALLS_MAX, `room is taken for ${ALLOTMENT_CALLS_MAX} calls at most`);

/** Dollars as people write them, to nano-USD. */
export function readBudgetAmount(text: string): string {
  const nanosUsd = parseUsd(text);
  if (nanosUsd === undefined) {
    throw refuseInput(
      ['limitUsd'],
      'INVALID',
      'not an amount of dollars that is exact to a nano',
      'write a decimal such as "50" or "0.000002", with at most nine decimals',
    );
  }
  if (nanosUsd > LIMIT_AMOUNT_MAX) throw tooLarge('limitUsd', `$${formatUsd(LIMIT_AMOUNT_MAX)}`);
  return String(nanosUsd);
}

export function readQuotaAmount(text: string): string {
  const amount = BigInt(text);
  if (amount < 0n) throw refuseInput(['limit'], 'TOO_SMALL', 'a limit is 0 at least');
  if (amount > LIMIT_AMOUNT_MAX) throw tooLarge('limit', String(LIMIT_AMOUNT_MAX));
  return String(amount);
}

/** A window may hold its own amount and the rest of another one. */
export function requireRoomForRollover(kind: LimitKind, amount: string, rollover: boolean): void {
  if (!rollover || BigInt(amount) <= ROLLOVER_AMOUNT_MAX) return;
  const [field, most] = kind === 'Budget' ? ['limitUsd', `$${formatUsd(ROLLOVER_AMOUNT_MAX)}`] : ['limit', String(ROLLOVER_AMOUNT_MAX)];
  throw refuseInput([field], 'TOO_LARGE', `with rollover a limit is at most ${most}`, 'lower it, or do without rollover');
}

/** Null when every call asks. */
export function readAllotmentCalls(calls: number): number | null {
  const read = parseInput(allotmentSchema, calls, ['allotmentCalls']);
  return read === 1 ? null : read;
}

/** In rising order, each once. */
export function readWarnings(percents: readonly number[]): number[] {
  const read = parseInput(warningsSchema, [...percents], ['warnAtPercent']);
  return [...new Set(read)].toSorted((one, other) => one - other);
}

function tooLarge(field: string, most: string): Error {
  return refuseInput([field], 'TOO_LARGE', `a limit is at most ${most}`, 'beyond that the counters would not be exact');
}

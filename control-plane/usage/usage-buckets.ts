/** The spans of time in which usage is shown: how long they are, where they begin, and which SQL finds them. All in UTC. */
import { badInput } from '../graphql/errors.ts';
import type { TimeRange } from '../database/sql-condition.ts';

const MINUTE_MILLIS = 60_000;
export const HOUR_MILLIS = 60 * MINUTE_MILLIS;
export const DAY_MILLIS = 24 * HOUR_MILLIS;
const WEEK_MILLIS = 7 * DAY_MILLIS;
/** A Monday, so that weeks begin as ISO 8601 says. */
const ORIGIN = Date.UTC(2001, 0, 1);

/** Months differ in length, and have none here. */
const LENGTHS = { MINUTE: MINUTE_MILLIS, FIVE_MINUTES: 5 * MINUTE_MILLIS, HOUR: HOUR_MILLIS, DAY: DAY_MILLIS, WEEK: WEEK_MILLIS, MONTH: undefined } as const;
export type Granularity = keyof typeof LENGTHS;

/** The finest that a range of up to so long is shown in, unless another is asked for. */
const BY_RANGE: readonly (readonly [number, Granularity])[] = [
  [2 * HOUR_MILLIS, 'MINUTE'],
  [6 * HOUR_MILLIS, 'FIVE_MINUTES'],
  [8 * DAY_MILLIS, 'HOUR'],
  [100 * DAY_MILLIS, 'DAY'],
  [2 * 366 * DAY_MILLIS, 'WEEK'],
];
const RANGE_DEFAULT_MILLIS = DAY_MILLIS;
const RANGE_MAX_MILLIS = 10 * 366 * DAY_MILLIS;
const BUCKETS_MAX = 1500;

export interface Span {
  readonly gte: Date;
  readonly lt: Date;
  /** When somebody asked: later there is nothing yet. */
  readonly askedAt: Date;
}

/** What is left open ends now, and begins a day before its end. */
export function spanOf({ gte, lt }: TimeRange, now: Date): Span {
  const end = lt ?? now;
  const start = gte ?? new Date(end.getTime() - RANGE_DEFAULT_MILLIS);
  if (start >= end) throw badInput('the range ends before it begins');
  if (end.getTime() - start.getTime() > RANGE_MAX_MILLIS) throw badInput('the range is longer than ten years');
  return { gte: start, lt: end, askedAt: now };
}

export function granularityOf(span: Span): Granularity {
  const millis = span.lt.getTime() - span.gte.getTime();
  return BY_RANGE.find(([most]) => millis <= most)?.[1] ?? 'MONTH';
}

/** Where each begins, the empty ones too; the first one begins at or before the range. */
export function bucketsOf(span: Span, granularity: Granularity): number[] {
  const starts: number[] = [];
  for (let start = floorTo(granularity, span.gte.getTime()); start < span.lt.getTime(); start = nextOf(granularity, start)) {
    if (starts.push(start) > BUCKETS_MAX) throw badInput(`the range has more than ${BUCKETS_MAX} buckets of a ${granularity}; ask for longer ones`);
  }
  return starts;
}

export function floorTo(granularity: Granularity, millis: number): number {
  const length = LENGTHS[granularity];
  if (length !== undefined) return ORIGIN + Math.floor((millis - ORIGIN) / length) * length;
  const date = new Date(millis);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth());
}

function nextOf(granularity: Granularity, start: number): number {
  const length = LENGTHS[granularity];
  if (length !== undefined) return start + length;
  const date = new Date(start);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
}

/** The start of the bucket of a row, in milliseconds since the epoch. */
export function bucketSql(granularity: Granularity): string {
  const length = LENGTHS[granularity];
  const start = length === undefined ? `date_trunc('month', at, 'UTC')` : `date_bin('${length} milliseconds', at, '${new Date(ORIGIN).toISOString()}')`;
  return `(extract(epoch from ${start}) * 1000)::bigint`;
}

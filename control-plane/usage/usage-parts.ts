/** Cuts a range into what is summed already, whole days and hours, and the single records that are missing from them or too many in them. */
import { DAY_MILLIS, HOUR_MILLIS, type Span } from './usage-buckets.ts';

/** From the finest to the longest; each is made of the one before. */
const UNITS = [
  { table: 'usage_hours', millis: HOUR_MILLIS },
  { table: 'usage_days', millis: DAY_MILLIS },
] as const;

export interface Part {
  readonly table: 'records' | (typeof UNITS)[number]['table'];
  readonly gte: number;
  readonly lt: number;
  /** Minus one for what is taken away again from a longer part. */
  readonly sign: 1 | -1;
}

export interface Cutting {
  /** The longest sums that tell apart what is asked for. */
  readonly longest: 'records' | 'hours' | 'days';
  /** What lies outside of the range may not be summed first and taken away later: it would still be counted where values are told apart. */
  readonly onlyAdds: boolean;
}

/** As few as there can be: of an hour or a day that lies partly in the range, either what is in it is added or what is not is taken away. */
export function partsOf({ gte, lt, askedAt }: Span, { longest, onlyAdds }: Cutting): Part[] {
  const units = { records: 0, hours: 1, days: 2 }[longest];
  // What has not happened yet costs nothing to take away.
  const times = { gte: gte.getTime(), lt: lt.getTime(), until: askedAt.getTime() };
  return cut(times, { units, onlyAdds, sign: 1 });
}

interface Times {
  readonly gte: number;
  readonly lt: number;
  readonly until: number;
}

function cut({ gte, lt, until }: Times, how: { units: number; onlyAdds: boolean; sign: 1 | -1 }): Part[] {
  if (gte >= lt) return [];
  const unit = UNITS[how.units - 1];
  if (unit === undefined) return [{ table: 'records', gte, lt, sign: how.sign }];
  const first = nearest(gte, { until, millis: unit.millis, outwards: Math.floor, inwards: Math.ceil, onlyInwards: how.onlyAdds });
  const last = nearest(lt, { until, millis: unit.millis, outwards: Math.ceil, inwards: Math.floor, onlyInwards: how.onlyAdds });
  const finer = { ...how, units: how.units - 1 };
  if (first >= last) return cut({ gte, lt, until }, finer);
  const less = { ...finer, sign: how.sign === 1 ? (-1 as const) : (1 as const) };
  return [
    { table: unit.table, gte: first, lt: last, sign: how.sign },
    ...cut({ gte, lt: first, until }, finer),
    ...cut({ gte: last, lt, until }, finer),
    ...cut({ gte: first, lt: gte, until }, less),
    ...cut({ gte: lt, lt: last, until }, less),
  ];
}

interface Bounds {
  readonly until: number;
  readonly millis: number;
  readonly outwards: (units: number) => number;
  readonly inwards: (units: number) => number;
  readonly onlyInwards: boolean;
}

/** The bound of a unit from which the least is to be read up to the time. */
function nearest(time: number, { until, millis, outwards, inwards, onlyInwards }: Bounds): number {
  const [outer, inner] = [outwards(time / millis) * millis, inwards(time / millis) * millis];
  const between = (one: number, other: number) => Math.abs(Math.min(one, until) - Math.min(other, until));
  return !onlyInwards && between(time, outer) < between(time, inner) ? outer : inner;
}

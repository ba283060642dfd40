/** Reads when a limit is in force, and tells when a change of that begins its counting anew. */
import type { LimitPeriod } from '../../shared/limit.ts';
import { windowAt } from '../../shared/schedule-window.ts';
import { isTimezone } from '../../shared/timezone.ts';
import { refuseInput } from '../graphql/input-refused.ts';
import type { Limit } from './limit.entity.ts';

/** Undefined where nothing was said; an end may also be taken away, by null. */
export interface ScheduleInput {
  readonly period: LimitPeriod;
  readonly timezone: string;
  readonly startAt: Date | undefined;
  readonly endAt: Date | null | undefined;
  readonly rollover: boolean | undefined;
}

export type StoredSchedule = Pick<Limit, 'period' | 'timezone' | 'startAt' | 'endAt' | 'countedSince' | 'rollover'>;

const HINT = 'names are those of the IANA database, such as Europe/Berlin or UTC';

export function newSchedule(input: ScheduleInput, now: Date): StoredSchedule {
  requireTimezone(input.timezone);
  const { period, timezone, endAt = null, rollover = false } = input;
  const startAt = input.startAt ?? startOfWindow(period, timezone, now);
  return checked({ period, timezone, startAt, endAt, rollover, countedSince: now });
}

/** Other windows are counted from nothing: what the old ones hold cannot be split up between them. */
export function changedSchedule(current: StoredSchedule, input: ScheduleInput, now: Date): StoredSchedule {
  requireTimezone(input.timezone);
  const { period, timezone } = input;
  const isCounting = period === current.period && timezone === current.timezone && current.startAt <= now;
  return checked({
    period,
    timezone,
    startAt: input.startAt ?? current.startAt,
    endAt: input.endAt === undefined ? (current.endAt ?? null) : input.endAt,
    rollover: input.rollover ?? current.rollover,
    countedSince: isCounting ? current.countedSince : now,
  });
}

function checked(schedule: StoredSchedule): StoredSchedule {
  if (schedule.endAt == null || schedule.endAt > schedule.startAt) return schedule;
  throw refuseInput(['schedule', 'endAt'], 'OUT_OF_RANGE', 'the schedule ends before it begins', 'endAt must be later than startAt');
}

function requireTimezone(timezone: string): void {
  if (!isTimezone(timezone)) throw refuseInput(['schedule', 'timezone'], 'INVALID', 'there is no such timezone', HINT);
}

/** A limit that is made in the middle of a window is in force for all of it, by every node's clock. */
function startOfWindow(period: LimitPeriod, timezone: string, now: Date): Date {
  const window = windowAt({ period, timezone, startAtMillis: 0, endAtMillis: null }, now.getTime());
  return new Date(window?.startMillis ?? now);
}

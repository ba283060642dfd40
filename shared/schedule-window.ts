/** Calendar windows of budgets and quotas in an IANA timezone: which window an instant falls into, daylight saving included. */
import { Temporal } from 'temporal-polyfill';
import type { Limit } from './limit.ts';

/** Half-open: an instant belongs to exactly one window of a schedule. */
export interface ScheduleWindow {
  readonly startMillis: number;
  readonly endMillis: number;
}

/** The calendar window around an instant; undefined outside `startAt` … `endAt`. A first or last window is as long as the calendar says. */
export function windowAt(schedule: Pick<Limit, 'period' | 'timezone' | 'startAtMillis' | 'endAtMillis'>, instantMillis: number): ScheduleWindow | undefined {
  if (instantMillis < schedule.startAtMillis) return undefined;
  if (schedule.endAtMillis !== null && instantMillis >= schedule.endAtMillis) return undefined;
  const date = Temporal.Instant.fromEpochMilliseconds(instantMillis).toZonedDateTimeISO(schedule.timezone).toPlainDate();
  const first = firstDayOf(schedule.period, date);
  return {
    startMillis: startOfDay(first, schedule.timezone),
    endMillis: startOfDay(first.add(LENGTHS[schedule.period]), schedule.timezone),
  };
}

const LENGTHS = { DAILY: { days: 1 }, WEEKLY: { days: 7 }, MONTHLY: { months: 1 }, QUARTERLY: { months: 3 } } as const;

/** ISO 8601 weeks begin on Monday. */
function firstDayOf(period: Limit['period'], date: Temporal.PlainDate): Temporal.PlainDate {
  switch (period) {
    case 'DAILY':
      return date;
    case 'WEEKLY':
      return date.subtract({ days: date.dayOfWeek - 1 });
    case 'MONTHLY':
      return date.with({ day: 1 });
    case 'QUARTERLY':
      return date.with({ day: 1, month: date.month - ((date.month - 1) % 3) });
  }
}

/** Where midnight does not exist, the day begins at the first instant that does. */
function startOfDay(date: Temporal.PlainDate, timezone: string): number {
  return date.toZonedDateTime(timezone).epochMilliseconds;
}

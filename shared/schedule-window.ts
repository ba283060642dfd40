/** Calendar windows of budgets and quotas in an IANA timezone: which window an instant falls into, daylight saving included. */
import { Temporal } from 'temporal-polyfill';
import type { Limit } from './limit.ts';

/** Half-open: an instant belongs to exactly one window of a schedule. */
export interface ScheduleWindow {
  readonly startMillis: number;
  readonly endMillis: number;
}

/** What of a limit says when its windows are. */
export type Schedule = Pick<Limit, 'period' | 'timezone' | 'startAtMillis' | 'endAtMillis'>;

/** The calendar window around an instant; undefined outside `startAt` … `endAt`. A first or last window is as long as the calendar says. */
export function windowAt(schedule: Schedule, instantMillis: number): ScheduleWindow | undefined {
  if (instantMillis < schedule.startAtMillis) return undefined;
  if (schedule.endAtMillis !== null && instantMillis >= schedule.endAtMillis) return undefined;
  return calendarWindow(schedule, instantMillis);
}

/** The window that ends where the given one begins; undefined when the schedule had not begun by then. */
export function windowBefore(schedule: Schedule, { startMillis }: Pick<ScheduleWindow, 'startMillis'>): ScheduleWindow | undefined {
  return windowAt(schedule, startMillis - 1);
}

/** The window that begins where the given one ends, whether or not the schedule lasts until then. */
export function windowAfter(schedule: Schedule, { endMillis }: ScheduleWindow): ScheduleWindow {
  return calendarWindow(schedule, endMillis);
}

function calendarWindow({ period, timezone }: Schedule, instantMillis: number): ScheduleWindow {
  const date = Temporal.Instant.fromEpochMilliseconds(instantMillis).toZonedDateTimeISO(timezone).toPlainDate();
  const first = firstDayOf(period, date);
  return { startMillis: startOfDay(first, timezone), endMillis: startOfDay(first.add(LENGTHS[period]), timezone) };
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

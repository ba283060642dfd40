/** Calendar windows: every instant in exactly one, in every timezone, across daylight saving. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { windowAfter, windowAt, windowBefore } from '../../shared/schedule-window.ts';

const PERIODS = ['DAILY', 'WEEKLY', 'MONTHLY', 'QUARTERLY'] as const;
const HOUR = 3_600_000;
const START_2024 = Date.UTC(2024, 0, 1);
const END_2035 = Date.UTC(2036, 0, 1);

function at(timezone: string, period: (typeof PERIODS)[number], instant: number) {
  const window = windowAt({ period, timezone, startAtMillis: 0, endAtMillis: null }, instant);
  if (window === undefined) throw new Error('no window');
  return window;
}

test('each instant lies in its window, and the next window begins where it ends', () => {
  const zone = fc.constantFrom(...Intl.supportedValuesOf('timeZone'));
  fc.assert(
    fc.property(zone, fc.constantFrom(...PERIODS), fc.integer({ min: START_2024, max: END_2035 }), (timezone, period, instant) => {
      const window = at(timezone, period, instant);
      expect(window.startMillis <= instant && instant < window.endMillis).toBe(true);
      expect(at(timezone, period, window.startMillis)).toEqual(window);
      expect(at(timezone, period, window.endMillis - 1)).toEqual(window);
      expect(at(timezone, period, window.endMillis).startMillis).toBe(window.endMillis);
    }),
    { numRuns: 2000 },
  );
});

test('a day has 23 hours when clocks go forward and 25 when they go back', () => {
  const forward = at('Europe/Berlin', 'DAILY', Date.UTC(2026, 2, 29, 12));
  const back = at('Europe/Berlin', 'DAILY', Date.UTC(2026, 9, 25, 12));
  expect((forward.endMillis - forward.startMillis) / HOUR).toBe(23);
  expect((back.endMillis - back.startMillis) / HOUR).toBe(25);
});

test('a quarter begins in January, April, July and October', () => {
  const months = [0, 4, 8, 11].map((month) => new Date(at('UTC', 'QUARTERLY', Date.UTC(2026, month, 15)).startMillis).getUTCMonth());
  expect(months).toEqual([0, 3, 6, 9]);
});

test('outside its schedule a limit has no window', () => {
  const schedule = { period: 'DAILY', timezone: 'UTC', startAtMillis: 1000, endAtMillis: 2000 } as const;
  expect(windowAt(schedule, 999)).toBeUndefined();
  expect(windowAt(schedule, 2000)).toBeUndefined();
  expect(windowAt(schedule, 1500)).toBeDefined();
});

test('the windows before and after one meet it, in every timezone', () => {
  const zone = fc.constantFrom(...Intl.supportedValuesOf('timeZone'));
  fc.assert(
    fc.property(zone, fc.constantFrom(...PERIODS), fc.integer({ min: START_2024, max: END_2035 }), (timezone, period, instant) => {
      const schedule = { period, timezone, startAtMillis: 0, endAtMillis: null };
      const window = at(timezone, period, instant);
      expect(windowBefore(schedule, window)).toEqual(at(timezone, period, window.startMillis - 1));
      expect(windowAfter(schedule, window)).toEqual(at(timezone, period, window.endMillis));
    }),
    { numRuns: 500 },
  );
});

test('no window comes before a schedule begins', () => {
  const begins = Date.UTC(2026, 5, 10, 7);
  const schedule = { period: 'DAILY', timezone: 'UTC', startAtMillis: begins, endAtMillis: null } as const;
  const first = { startMillis: Date.UTC(2026, 5, 10), endMillis: Date.UTC(2026, 5, 11) };
  expect(windowAt(schedule, begins)).toEqual(first);
  expect(windowBefore(schedule, first)).toBeUndefined();
  expect(windowBefore(schedule, { startMillis: first.endMillis })).toEqual(first);
});

/** A schedule's timezone is a name of the IANA database: an offset or a word of nobody's is none. */
import { expect, test } from 'vitest';
import { limitSchema } from '../../shared/limit.ts';
import { isTimezone } from '../../shared/timezone.ts';
import { limit } from '../support/domain.ts';

test.each([...Intl.supportedValuesOf('timeZone'), 'UTC', 'Etc/GMT+3', 'Asia/Kolkata', 'America/Argentina/Buenos_Aires'])('%s is one', (name) => {
  expect(isTimezone(name)).toBe(true);
});

test.each(['', '+01:00', '-0800', 'Mars/Olympus', 'Europe/Berlin ', 'Europe', '../etc', 'x'.repeat(80)])('%j is none', (name) => {
  expect(isTimezone(name)).toBe(false);
});

test('a limit with another one is refused before it is obeyed', () => {
  const given = limit('org_1', { ownerType: 'ORGANISATION', ownerId: 'org_1', metric: 'REQUESTS', amount: '1' });
  expect(limitSchema.safeParse(given).success).toBe(true);
  expect(limitSchema.safeParse({ ...given, timezone: 'Mars/Olympus' }).success).toBe(false);
});

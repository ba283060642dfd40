/** Of everything that PostgreSQL writes when it gives up, the reason is found. */
import { expect, test } from 'vitest';
import { complaintOf, lastComplaint } from '../../../control-plane/database/postgres-complaint.ts';

const STAMP = '2026-11-21 07:44:35.677 UTC [24032]';

test.each([
  [
    `${STAMP} FATAL:  database files are incompatible with server\n${STAMP} DETAIL:  Initialized by PostgreSQL version 17.\n${STAMP} HINT:  none\n${STAMP} LOG:  shut down\n`,
    'database files are incompatible with server: Initialized by PostgreSQL version 17',
  ],
  [
    `${STAMP} LOG:  starting\n${STAMP} PANIC:  could not locate a valid checkpoint record\n${STAMP} LOG:  terminated by signal 6\n`,
    'could not locate a valid checkpoint record',
  ],
  [`${STAMP} FATAL:  first\n${STAMP} DETAIL:  of the first\n${STAMP} FATAL:  last: error: of all\n`, 'last: error: of all'],
  ['postgres: could not find the database system\nExpected to find it in "/data/pg",\nbut could not open file\n', 'could not find the database system'],
  ['initdb: error: directory "/data/pg" exists but is not empty\n', 'directory "/data/pg" exists but is not empty'],
  ['error while loading shared libraries\n', 'error while loading shared libraries'],
  ['', 'it gave no reason'],
])('%j', (text, reason) => {
  expect(lastComplaint(text)).toBe(reason);
});

test('an answer to a client is its message with its detail', () => {
  const error = Object.assign(new Error('database "postgres" does not exist'), { detail: 'The subdirectory "base/5" is missing.' });
  expect(complaintOf(error)).toBe('database "postgres" does not exist: The subdirectory "base/5" is missing');
  expect(complaintOf(new Error('connection refused'))).toBe('connection refused');
});

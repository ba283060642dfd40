/** What is wrong with what is stored is told with the place where it is. */
import { expect, test } from 'vitest';
import { storedFailure } from '../../bin/stored-failure.ts';
import { ForeignSecretKey } from '../../control-plane/secrets/installation.ts';

const PLACES = { keyPlace: '/data/secret.key', databasePlace: 'in /data/pg' };

test('a key that the database was not made with is named by its place', () => {
  const error = storedFailure(new ForeignSecretKey(), PLACES);
  expect(String(error)).toMatch(/secret key of \/data\/secret\.key is not the one that the database in \/data\/pg was made with.*: put the old key back/);
});

test('what PostgreSQL answered is told in its first line, with the place of the database', () => {
  const answer = Object.assign(new Error('invalid page in block 0\n - hint: none'), { severity: 'ERROR', code: 'XX001' });
  expect(storedFailure(answer, PLACES)).toMatchObject({
    message: 'the database in /data/pg cannot be used (invalid page in block 0): restore it from a backup, or use another one',
    cause: answer,
  });
});

test.each([new Error('something else'), Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), 'text'])('%s is passed on as it is', (error) => {
  expect(storedFailure(error, PLACES)).toBe(error);
});

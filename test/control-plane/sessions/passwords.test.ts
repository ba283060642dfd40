/** Passwords are kept as argon2id hashes that say how they were made. */
import { expect, test } from 'vitest';
import { newPasswordSchema, Passwords } from '../../../control-plane/sessions/passwords.ts';

const passwords = new Passwords();

test('a hash fits its password and no other, and no two are alike', async () => {
  const [one, other] = [await passwords.hash('correct horse battery'), await passwords.hash('correct horse battery')];
  expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  expect(one).not.toBe(other);
  expect(await passwords.isRight('correct horse battery', one)).toBe(true);
  expect(await passwords.isRight('correct horse batterz', one)).toBe(false);
});

test('the reference vector of another implementation is read', async () => {
  const made = '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4';
  expect(await passwords.isRight('password', made)).toBe(true);
  expect(await passwords.isRight('Password', made)).toBe(false);
});

test('where there is no hash nothing is right', async () => {
  expect(await passwords.isRight('', null)).toBe(false);
  expect(await passwords.isRight('correct horse battery', null)).toBe(false);
});

test('a letter is the same however the keyboard writes it', async () => {
  expect(await passwords.isRight('un caf\u{65}\u{301} crème', await passwords.hash('un caf\u{e9} crème'))).toBe(true);
});

test('many at once all get their answer, and too many are told to come back', async () => {
  const narrow = new Passwords({ running: 2, waiting: 5 });
  const stored = await narrow.hash('correct horse battery');
  const answers = await Promise.allSettled(Array.from({ length: 10 }, () => narrow.isRight('correct horse battery', stored)));
  expect(answers.filter((answer) => answer.status === 'fulfilled' && answer.value)).toHaveLength(7);
  expect(answers.find((answer) => answer.status === 'rejected')).toMatchObject({ reason: { extensions: { code: 'RATE_LIMITED' } } });
  expect(await narrow.isRight('correct horse battery', stored)).toBe(true);
});

test.each([
  ['eleven chars', true],
  ['elevenchars', false],
  ['🐎🔋📎🐎🔋📎🐎🔋📎🐎🔋', false],
  ['x'.repeat(200), true],
  ['x'.repeat(201), false],
])('%s: %s', (password, isLongEnough) => {
  expect(newPasswordSchema.safeParse(password).success).toBe(isLongEnough);
});

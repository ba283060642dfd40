/** Patterns are about the whole name, mean nothing but what they say, and take no longer for names that were made to slow them down. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileNamePatterns } from '../../shared/name-pattern.ts';

test.each([
  ['claude-code', ['claude-code', 'Claude-Code'], ['claude-code2', 'my claude-code', 'claudeXcode']],
  ['cursor-*', ['cursor-vscode', 'cursor-', 'CURSOR-a\nb'], ['cursor', 'my-cursor-vscode']],
  ['v?', ['v1', 'vé'], ['v', 'v12']],
  ['a.b|c(d)[e]\\', ['a.b|c(d)[e]\\'], ['axb', 'a.b', 'c(d)[e]\\']],
])('%s', (pattern, fitting, others) => {
  const fits = compileNamePatterns([pattern]);
  expect(fitting.filter((name) => !fits(name))).toEqual([]);
  expect(others.filter(fits)).toEqual([]);
});

test('one of several is enough, and none fits nothing', () => {
  expect(['a', 'b', 'ab'].map(compileNamePatterns(['a', 'b']))).toEqual([true, true, false]);
  expect(compileNamePatterns([])('')).toBe(false);
});

test('every name fits itself, whatever is in it', () => {
  const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 64 }).filter((text) => text.isWellFormed() && !/[*?]/.test(text));
  fc.assert(fc.property(name, (text) => compileNamePatterns([text])(text)));
});

test('what would take a backtracking matcher for ever is answered', () => {
  expect(compileNamePatterns([`${'*a'.repeat(31)}b`])('a'.repeat(256))).toBe(false);
});

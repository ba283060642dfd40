/** A tool has the class that its server gives it, else the one that its name suggests. */
import { describe, expect, test } from 'vitest';
import { flagsOf } from '../../../control-plane/tools/tool-flags.ts';
import { riskOf } from '../../../control-plane/tools/tool-risk.ts';

describe('by hints', () => {
  test.each([
    [{ readOnlyHint: true }, 'READ_ONLY'],
    [{ readOnlyHint: true, openWorldHint: true }, 'OPEN_WORLD'],
    [{ readOnlyHint: true, destructiveHint: true }, 'READ_ONLY'],
    [{ destructiveHint: true }, 'DESTRUCTIVE'],
    [{ readOnlyHint: false, destructiveHint: false }, 'WRITE'],
    [{ readOnlyHint: false }, 'WRITE'],
    [{ readOnlyHint: 'yes' }, 'UNKNOWN'],
    [{}, 'UNKNOWN'],
  ] as const)('%o: %s', (annotations, risk) => {
    expect(riskOf({ name: 'frobnicate', annotations })).toBe(risk);
  });
});

describe('by name', () => {
  test.each([
    ['delete_file', 'DESTRUCTIVE'],
    ['dropTable', 'DESTRUCTIVE'],
    ['files.remove-all', 'DESTRUCTIVE'],
    ['get_and_delete', 'DESTRUCTIVE'],
    ['createIssue', 'WRITE'],
    ['fetch', 'OPEN_WORLD'],
    ['list_repositories', 'READ_ONLY'],
    ['settle', 'UNKNOWN'],
    ['undeleted', 'UNKNOWN'],
  ] as const)('%s: %s', (name, risk) => {
    expect(riskOf({ name })).toBe(risk);
  });

  test('a tool that only says that it writes may still destroy', () => {
    expect(riskOf({ name: 'delete_file', annotations: { readOnlyHint: false } })).toBe('DESTRUCTIVE');
  });
});

describe('flags', () => {
  test('a tool that is said to do no harm and is called otherwise is flagged', () => {
    expect(flagsOf({ name: 'delete_file', annotations: { readOnlyHint: true } })).toEqual(['HINTS_CONTRADICT_NAME']);
    expect(flagsOf({ name: 'delete_file', annotations: { destructiveHint: true } })).toEqual([]);
  });

  test.each([
    ['a zero-width space', 'read\u200bfile'],
    ['a mark of direction', 'abc\u202edef'],
    ['an isolate', 'abc\u2066def'],
    ['tags', 'hello\u{e0041}\u{e0042}'],
    ['a joiner between letters', 'a\u200db'],
    ['a variation selector of the supplement', 'a\u{e0100}'],
    ['a control character', 'a\u0007'],
  ])('%s is flagged wherever it stands', (_what, text) => {
    expect(flagsOf({ name: 'echo', description: text })).toEqual(['INVISIBLE_CHARACTERS']);
    expect(flagsOf({ name: 'echo', inputSchema: { properties: { a: { description: text } } } })).toEqual(['INVISIBLE_CHARACTERS']);
    expect(flagsOf({ name: 'echo', inputSchema: { properties: { [text]: {} } } })).toEqual(['INVISIBLE_CHARACTERS']);
  });

  test.each(['plain, with\na line and a\ttab', 'Grüße, 中文, हिन्दी, العربية', 'a family 👨‍👩‍👧 and a heart ❤️', '👩🏽‍💻'])('%j is as it looks', (description) => {
    expect(flagsOf({ name: 'echo', description })).toEqual([]);
  });
});

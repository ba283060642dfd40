/** Members that are set and cut in bytes: valid JSON before is valid JSON after, and nothing else moves. */
import { describe, expect, test } from 'vitest';
import { applyEdits, cutMembers, setMembers } from '../../../data-plane/transports/json-edits.ts';

const whole = (bytes: Buffer) => ({ start: 0, end: bytes.length });

describe('a member that is set', () => {
  test.each([
    ['{}', '{"a":1,"b":"x"}'],
    [' { "c":1e400 } ', ' {"a":1,"b":"x", "c":1e400 } '],
    ['{"b" : {"a":2}, "c":0}', '{"a":1,"b" : "x", "c":0}'],
    ['{"\\u0061":0,"b":null}', '{"\\u0061":1,"b":"x"}'],
    ['{"b":0,"b":1}', '{"a":1,"b":"x","b":"x"}'],
  ])('turns %s into %s', (before, after) => {
    const bytes = Buffer.from(before);
    expect(applyEdits(bytes, setMembers(bytes, whole(bytes), { a: '1', b: '"x"' })).toString()).toBe(after);
  });
});

describe('a member that is cut', () => {
  test.each([
    ['{"x/a":1,"b":2,"x/c":3}', '{"b":2}'],
    ['{"x/a":1,"x/b":{"n":[1,2]}}', '{}'],
    ['{ "a" : 1.0 , "x/b":2 , "c":3}', '{ "a" : 1.0 , "c":3}'],
    ['{"a":{"x/b":1}}', '{"a":{"x/b":1}}'],
    ['[1]', '[1]'],
  ])('turns %s into %s', (before, after) => {
    const bytes = Buffer.from(before);
    expect(
      applyEdits(
        bytes,
        cutMembers(bytes, whole(bytes), (name) => name.startsWith('x/')),
      ).toString(),
    ).toBe(after);
  });
});

/** What a resource carries in Base64 is read where it is text. */
import { expect, test } from 'vitest';
import { textOfBlob } from '../../../shared/content-filter/blob-text.ts';

test.each([
  ['text/plain', 'a'],
  ['Application/JSON; charset=utf-8', 'a'],
  ['application/json ', 'a'],
  ['image/svg+xml;charset=utf-8', 'a'],
  ['image/png', undefined],
  [undefined, 'a'],
])('by its type %j: %j', (mimeType, text) => {
  expect(textOfBlob('YQ==', mimeType)).toBe(text);
});

test('a type with a million spaces in it is read at once', () => {
  expect(textOfBlob('YQ==', `a${' '.repeat(1_000_000)}b`)).toBeUndefined();
});

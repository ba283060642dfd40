/** Lines come out whole, whatever the chunks. */
import { array, assert, nat, property, string } from 'fast-check';
import { expect, test } from 'vitest';
import { LineFramer } from '../../../data-plane/transports/stdio-lines.ts';

function framed(chunks: readonly Buffer[], lineBytesMax = 1000): { lines: string[]; isWhole: boolean } {
  const lines: string[] = [];
  const framer = new LineFramer(lineBytesMax, (line) => lines.push(line.toString('utf8')));
  return { isWhole: chunks.every((chunk) => framer.push(chunk)), lines };
}

test('the same lines come out of any cut of the same bytes', () => {
  const line = string({ unit: 'grapheme', maxLength: 30 }).map((text) => text.replaceAll(/[\r\n]/g, ''));
  assert(
    property(array(line), array(nat(200)), (lines, cuts) => {
      const bytes = Buffer.from(lines.map((text, index) => `${text}${index % 2 === 0 ? '\n' : '\r\n'}`).join(''));
      const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((left, right) => left - right), bytes.length];
      const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
      expect(framed(chunks)).toEqual({ lines, isWhole: true });
    }),
  );
});

test('an unfinished line is no line', () => {
  expect(framed([Buffer.from('one\ntw'), Buffer.from('o')]).lines).toEqual(['one']);
});

test('a line may be as long as allowed and no longer, in one chunk or in many', () => {
  expect(framed([Buffer.from('12345\n')], 5)).toEqual({ lines: ['12345'], isWhole: true });
  expect(framed([Buffer.from('1234'), Buffer.from('5\n')], 5)).toEqual({ lines: ['12345'], isWhole: true });
  expect(framed([Buffer.from('123456\n')], 5)).toEqual({ lines: [], isWhole: false });
  expect(framed([Buffer.from('1234'), Buffer.from('56')], 5)).toEqual({ lines: [], isWhole: false });
});

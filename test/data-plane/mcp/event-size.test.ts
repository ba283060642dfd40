/** Events are measured as a reader would cut them, wherever the chunks break, and none that is too large goes by. */
import { array, assert, constantFrom, integer, property } from 'fast-check';
import { expect, test } from 'vitest';
import { EventSize } from '../../../data-plane/mcp/event-size.ts';
import { EventStreamSplitter } from '../../../data-plane/mcp/event-stream.ts';

const line = constantFrom('data: x', 'data: a longer line', ':', 'id: 1', 'é', '');
const stream = (lineEnds: readonly string[]) =>
  array(
    array(line, { maxLength: 5 }).chain((lines) => constantFrom(...lineEnds.map((end) => lines.join(end) + end))),
    { maxLength: 12 },
  );

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let from = 0;
  for (const size of [...sizes, bytes.length]) {
    chunks.push(bytes.subarray(from, from + size));
    from += size;
  }
  return chunks;
}

/** Of complete events and of what is left open at the end. */
function largestIn(bytes: Buffer): number {
  const splitter = new EventStreamSplitter();
  const sizes = splitter.push(bytes).map(({ length }) => length);
  return Math.max(0, splitter.pendingBytes, ...sizes);
}

const takesAll = (bytesMax: number, chunks: readonly Buffer[]): boolean => {
  const size = new EventSize(bytesMax);
  return chunks.every((chunk) => size.push(chunk));
};

test('a stream is taken exactly when its largest event is small enough', () => {
  assert(
    property(stream(['\n']), array(integer({ min: 0, max: 40 }), { maxLength: 20 }), integer({ min: 1, max: 60 }), (parts, sizes, bytesMax) => {
      const bytes = Buffer.from(parts.join(''));
      expect(takesAll(bytesMax, cut(bytes, sizes))).toBe(largestIn(bytes) <= bytesMax);
    }),
    { numRuns: 2000 },
  );
});

test('so it is with every line end, up to the half of one that a chunk was cut in', () => {
  assert(
    property(stream(['\n', '\r\n', '\r']), array(integer({ min: 0, max: 40 }), { maxLength: 20 }), integer({ min: 2, max: 60 }), (parts, sizes, bytesMax) => {
      const bytes = Buffer.from(parts.join(''));
      const chunks = cut(bytes, sizes);
      if (largestIn(bytes) < bytesMax) expect(takesAll(bytesMax, chunks)).toBe(true);
      if (largestIn(bytes) > bytesMax + 1) expect(takesAll(bytesMax, chunks)).toBe(false);
    }),
    { numRuns: 2000 },
  );
});

test('small events in large chunks never add up, whichever line end they have', () => {
  for (const lineEnd of ['\n', '\r\n', '\r']) {
    const size = new EventSize(1000);
    // Of a length that no number of events fills, so that chunks break anywhere.
    const flood = Buffer.from(`data: ${'x'.repeat(91)}${lineEnd}${lineEnd}`.repeat(700)).subarray(0, 65_537);
    const rest = Buffer.from(`${lineEnd}${lineEnd}`);
    for (let round = 0; round < 50; round++) expect([size.push(flood), size.push(rest)]).toEqual([true, true]);
  }
});

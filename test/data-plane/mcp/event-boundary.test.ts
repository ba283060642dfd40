/** A comment may only stand between two events. */
import { array, assert, constantFrom, property } from 'fast-check';
import { expect, test } from 'vitest';
import { EventBoundary } from '../../../data-plane/mcp/event-boundary.ts';

test('nothing yet is between events', () => {
  expect(new EventBoundary().isBetweenEvents).toBe(true);
});

test('whatever the line ends and the chunks are, it is between events behind an empty line that has ended for certain', () => {
  const piece = constantFrom('data: x', 'd', ':', '\n', '\r', '\r\n', '\n\n', '\r\r', '\r\n\r\n', 'data: é\u2028');
  assert(
    property(array(array(piece, { maxLength: 6 }), { maxLength: 12 }), (chunks) => {
      const boundary = new EventBoundary();
      let text = '';
      for (const chunk of chunks.map((pieces) => pieces.join(''))) {
        boundary.push(Buffer.from(chunk));
        text += chunk;
        expect(boundary.isBetweenEvents, JSON.stringify(text)).toBe(text === '' || (text.endsWith('\n') && text.split(/\r\n|\n|\r/).at(-2) === ''));
      }
    }),
    { numRuns: 5000 },
  );
});

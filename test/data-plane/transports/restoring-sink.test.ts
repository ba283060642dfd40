/** A stream passes with every byte of it, wherever it is cut, but for the ids of ours that its answers carry. */
import { array, assert, constantFrom, integer, property } from 'fast-check';
import { expect, test } from 'vitest';
import { OwnIds, originalOf } from '../../../data-plane/mcp/own-ids.ts';
import { EVENTS_HEAD } from '../../../data-plane/transports/answer-forms.ts';
import { RestoringSink } from '../../../data-plane/transports/restoring-sink.ts';
import { KeepingSink } from '../../support/stdio-caller.ts';

const ORIGINAL = '"a\\u0062/é"';
const OWN = new OwnIds().standInFor(ORIGINAL);

test('an id of ours holds the token that it stands for, and no two are the same', () => {
  expect(originalOf(OWN)).toBe(ORIGINAL);
  const ids = [new OwnIds(), new OwnIds()].flatMap((node) => [node.standInFor('1'), node.standInFor('1')]);
  expect(ids.map(originalOf)).toEqual(['1', '1', '1', '1']);
  expect(new Set(ids).size).toBe(4);
});

test.each([
  ['an id of the server’s own', '"turnpike:x"'],
  ['a number', '1'],
  ['a stand-in for more than an id', `"turnpike:x-1:${Buffer.from('1,"result":{}').toString('base64url')}"`],
  ['a stand-in for null', `"turnpike:x-1:${Buffer.from('null').toString('base64url')}"`],
])('%s stands for nothing', (_what, token) => {
  expect(originalOf(token)).toBeUndefined();
});

test('only the ids of answers change, however the stream is cut', () => {
  const event = constantFrom(
    ': a comment\n\n',
    'id: 1\ndata:\n\n',
    `data: {"jsonrpc":"2.0","id":${OWN},"result":{"id":${OWN}}}\n\n`,
    `event: message\r\ndata: {"error":{},"id": ${OWN} }\r\n\r\n`,
    `data: {"id":${OWN},"method":"ping"}\n\n`,
    'data: {"id":1,"result":"日本"}\r\r',
  );
  const restored = (text: string) =>
    text.replaceAll(`{"jsonrpc":"2.0","id":${OWN}`, `{"jsonrpc":"2.0","id":${ORIGINAL}`).replaceAll(`"id": ${OWN} }`, `"id": ${ORIGINAL} }`);
  assert(
    property(array(event), array(integer({ min: 1, max: 60 }), { minLength: 1 }), (events, sizes) => {
      const bytes = Buffer.from(events.join(''));
      const sink = new KeepingSink();
      const restoring = new RestoringSink(sink, 10_000);
      restoring.open(EVENTS_HEAD);
      for (let at = 0, index = 0; at < bytes.length; index++) {
        const end = at + (sizes[index % sizes.length] ?? 1);
        restoring.write(bytes.subarray(at, end));
        at = end;
      }
      restoring.end();
      expect(sink.text).toBe(restored(events.join('')));
    }),
    { numRuns: 1000 },
  );
});

test('between events a chunk passes as it is, before the next one comes', () => {
  const sink = new KeepingSink();
  const restoring = new RestoringSink(sink, 10_000);
  restoring.open(EVENTS_HEAD);
  restoring.write(Buffer.from('data: 1\n\ndata: 2\n\n'));
  expect(sink.text).toBe('data: 1\n\ndata: 2\n\n');
  restoring.write(Buffer.from('data: 3\n'));
  restoring.write(Buffer.from('\n'));
  expect(sink.text).toBe('data: 1\n\ndata: 2\n\ndata: 3\n\n');
});

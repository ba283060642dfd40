/** An event stream comes out as it went in, wherever it was cut, but for the events that were judged to change. */
import { array, assert, constantFrom, nat, oneof, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { filterLists } from '../../../data-plane/guardrails/list-filter.ts';
import { createEventStreamFilter } from '../../../data-plane/mcp/event-stream-filter.ts';
import { dataOfEvent, EventStreamSplitter, idOfEvent, retryOfEvent, typeOfEvent } from '../../../data-plane/mcp/event-stream.ts';
import { Refusal } from '../../../shared/refusal.ts';

function judge(data: Buffer): Buffer {
  const visible = filterLists(data, [{ member: 'tools', entryKey: 'name', judgedKeys: ['name'], hides: (tool) => tool === 'hidden' }]);
  if (visible === undefined) throw new Refusal('upstream_error', 'bad_answer', 'not a list');
  return visible;
}

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const size = sizes[index % sizes.length] ?? 1;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

function run(chunks: readonly Buffer[], eventBytesMax = 10_000): string {
  const filter = createEventStreamFilter(judge, eventBytesMax);
  return Buffer.concat([...chunks.flatMap((chunk) => [...filter.push(chunk)]), ...filter.end()]).toString('utf8');
}

const lineEnd = constantFrom('\n', '\r', '\r\n');
const line = oneof(
  constantFrom(': keep-alive', 'id: 7', 'retry: 10', 'event: message', 'data', 'data:', 'unknown', '', ''),
  constantFrom(
    'data: {"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"hidden"},{"name":"é\u2028"}]}}',
    'data:{"method":"x","params":"日本"}',
    'data: {"result":{\ndata:"tools":[{"name":"hidden"}]}}',
  ),
);
const stream = array(
  oneof(line, constantFrom('')).chain((text) => lineEnd.map((end) => text.replaceAll('\n', end) + end)),
  { maxLength: 20 },
).map((lines) => lines.join(''));
const sizes = array(
  nat(12).map((size) => size + 1),
  { minLength: 1, maxLength: 6 },
);

describe('EventStreamSplitter', () => {
  test('gives back every byte, and the same events as the standard, wherever the stream is cut', () => {
    assert(
      property(stream, sizes, (text, pieces) => {
        const splitter = new EventStreamSplitter();
        const events = cut(Buffer.from(text), pieces).flatMap((chunk) => splitter.push(chunk));
        expect(Buffer.concat([...events, splitter.end() ?? Buffer.alloc(0)]).toString('utf8')).toBe(text);
        expect(events.map(dataOfEvent).filter((data) => data !== undefined)).toEqual(dataByTheStandard(text));
      }),
      { numRuns: 3000 },
    );
  });

  test('an event is out with its last byte', () => {
    const splitter = new EventStreamSplitter();
    expect(splitter.push(Buffer.from('data: a\r\r')).map(String)).toEqual(['data: a\r\r']);
    expect(splitter.push(Buffer.from('\ndata: b\n')).map(String)).toEqual([]);
    expect(splitter.push(Buffer.from('\ndata: c')).map(String)).toEqual(['\ndata: b\n\n']);
    expect(splitter.pendingBytes).toBe(7);
  });
});

/** As WHATWG HTML 9.2.6 tells it, over the whole text at once. */
function dataByTheStandard(text: string): string[] {
  const found: string[] = [];
  let data: string[] = [];
  for (const part of text.split(/(?<=\r\n|\r(?!\n)|\n)/)) {
    if (!/[\r\n]$/.test(part)) break;
    const content = part.replace(/[\r\n]+$/, '');
    if (content === '') {
      if (data.length > 0) found.push(data.join('\n'));
      data = [];
    } else if (content.split(':')[0] === 'data') data.push(content.slice(5).replace(/^ /, ''));
  }
  return found;
}

describe('createEventStreamFilter', () => {
  test('the output does not depend on where the stream is cut', () => {
    assert(
      property(stream, sizes, (text, pieces) => {
        const attempt = (chunks: readonly Buffer[]): string => {
          try {
            return run(chunks);
          } catch (error) {
            if (error instanceof Refusal) return error.reason;
            throw error;
          }
        };
        expect(attempt(cut(Buffer.from(text), pieces))).toBe(attempt([Buffer.from(text)]));
      }),
      { numRuns: 3000 },
    );
  });

  test.each([
    [
      'hides a tool and keeps the other fields',
      'id: 1\r\nevent: message\r\ndata: {"result":{"tools":[{"name":"hidden"},{"name":"b"}]}}\r\n\r\n',
      'id: 1\r\nevent: message\r\ndata: {"result":{"tools":[{"name":"b"}]}}\r\n\r\n',
    ],
    ['hides a tool in data of many lines', 'data: {"result":\ndata: {"tools":[{"name":"hidden"}]}}\nid: 2\n\n', 'data: {"result": {"tools":[]}}\nid: 2\n\n'],
    ['hides a tool behind a byte order mark', '\ufeffdata: {"result":{"tools":[{"name":"hidden"}]}}\n\n', 'data: {"result":{"tools":[]}}\n\n'],
    ['hides a tool in an event that was never finished', 'data: {"result":{"tools":[{"name":"hidden"}]}}\n', 'data: {"result":{"tools":[]}}\n'],
    [
      'lets everything else pass',
      '\ufeff: hello\n\nid: 1\ndata:\n\nretry: 5\ndata:  {"method": "x", "n": 1.0}\n\n: bye',
      '\ufeff: hello\n\nid: 1\ndata:\n\nretry: 5\ndata:  {"method": "x", "n": 1.0}\n\n: bye',
    ],
  ])('%s', (_name, input, output) => {
    expect(run([Buffer.from(input)])).toBe(output);
    expect(run(cut(Buffer.from(input), [1]))).toBe(output);
  });

  test.each([
    ['an event that cannot be judged', 'data: <html>\n\n'],
    ['a list twice in one event', 'data: {"result":{"tools":[]},"result":{"tools":[{"name":"hidden"}]}}\n\n'],
    ['an event that is too large', `data: "${'x'.repeat(10_000)}"\n\n`],
    ['an event that grows too large', `data: "${'x'.repeat(10_000)}`],
  ])('refuses %s', (_name, input) => {
    expect(() => run([Buffer.from(input)])).toThrow(Refusal);
    expect(() => run(cut(Buffer.from(input), [700]))).toThrow(Refusal);
  });
});

test.each([
  ['data: x\n\n', 'message', undefined, undefined],
  ['\ufeffevent: endpoint\r\ndata: /x\r\n\r\n', 'endpoint', undefined, undefined],
  ['event:a\nid:1\nevent: b\nid: 2\n\n', 'b', '2', undefined],
  ['event\nid: two words\nretry:500\n\n', 'message', undefined, 500],
  ['identity: x\nretry: soon\ndata: event: endpoint\ndata: id: 7\n\n', 'message', undefined, undefined],
])('%j is of the type %s, has the id %s and the pause %s', (event, type, id, retry) => {
  const bytes = Buffer.from(event);
  expect([typeOfEvent(bytes), idOfEvent(bytes), retryOfEvent(bytes)]).toEqual([type, id, retry]);
});

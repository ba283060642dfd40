/** A spliced message differs from the original in the replaced tokens and nowhere else. */
import { array, assert, constantFrom, dictionary, integer, json, jsonValue, oneof, property, record, string } from 'fast-check';
import { expect, test } from 'vitest';
import { findTopLevelValue } from '../../../data-plane/transports/json-members.ts';
import { splice, spliceRequest } from '../../../data-plane/transports/message-splice.ts';
import { rpcCall } from '../../support/rpc-call.ts';

const idToken = oneof(
  constantFrom('1', '-7', '12345678901234567890', '"a"', '"\\u0061\\n"', '"\\\\\\""', '"Ωé😀"'),
  integer().map(String),
  string({ unit: 'grapheme' }).map((text) => JSON.stringify(text)),
);
const args = dictionary(
  string({ unit: 'grapheme' }).map((text) => `x${text}`),
  jsonValue({ maxDepth: 3 }),
).map((value) => JSON.stringify(value));
const members = { idToken, progressToken: idToken, args, order: constantFrom('first', 'last') };

test('id and progress token are replaced, and every other byte arrives as it was', () => {
  assert(
    property(record(members), (given) => {
      const text = (id: string, token: string): string => {
        const params = `"params" : {"name":"t","arguments": ${given.args},"_meta":{"progressToken":${token}}}`;
        return given.order === 'first'
          ? `{"jsonrpc":"2.0","id":${id},"method":"tools/call",${params}}`
          : `{${params},"method":"tools/call","jsonrpc":"2.0","id": ${id}}`;
      };
      const call = rpcCall(text(given.idToken, given.progressToken));
      expect(spliceRequest(call.bytes, call.messages[0], 4711).toString()).toBe(`${text('4711', '4711')}\n`);
    }),
  );
});

test('a pretty-printed message becomes one line of the same value, and the original stays as it is', () => {
  assert(
    property(args, constantFrom('\n', '\r\n', '\r'), (given, lineBreak) => {
      const original = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'x', params: { arguments: JSON.parse(given) } }, null, 2).replaceAll('\n', lineBreak);
      const call = rpcCall(original);
      const line = spliceRequest(call.bytes, call.messages[0], 1).toString();
      expect(line.slice(0, -1)).not.toMatch(/[\r\n]/);
      expect(JSON.parse(line)).toEqual(JSON.parse(original));
      expect(call.bytes.toString()).toBe(original);
    }),
  );
});

test('the answer gets the caller’s id back byte for byte', () => {
  assert(
    property(idToken, json(), array(constantFrom(' ', '\t'), { maxLength: 3 }), (token, result, gap) => {
      const line = Buffer.from(`{"result":${result},"id":${gap.join('')}99,"extra":1.0}`);
      const range = findTopLevelValue(line, 'id');
      const answer = splice(line, range === undefined ? [] : [range], Buffer.from(token)).toString();
      expect(answer).toBe(`{"result":${result},"id":${gap.join('')}${token},"extra":1.0}`);
    }),
  );
});

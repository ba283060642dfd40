/** The parser of record accepts every spelling of a message, finds its tokens, and refuses what could be read in two ways. */
import { array, assert, constantFrom, nat, oneof, option, property, record, string, type Arbitrary } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readRpcCall } from '../../../data-plane/mcp/read-rpc-call.ts';
import { Refusal } from '../../../shared/refusal.ts';
import { jsonNode, objectsIn, spacing, spelled, writeJson, type JsonNode } from '../../support/json-text.ts';

function reasonFor(body: string | Buffer): string {
  try {
    readRpcCall(Buffer.from(body));
    return 'accepted';
  } catch (error) {
    if (error instanceof Refusal && error.code === 'invalid_request') return error.reason;
    throw error;
  }
}

const call = (rest: string): string => `{"jsonrpc":"2.0","id":1,"method":"tools/call",${rest}}`;

const idToken = oneof(
  constantFrom('0', '-7', '9007199254740993', '123456789012345678901234567890', '""'),
  string({ unit: 'binary', maxLength: 20 }).chain(spelled),
);
const parts = record({ id: idToken, token: option(idToken), name: string({ maxLength: 20 }).chain(spelled), args: jsonNode, spaces: spacing });
/** The keys that are looked for, each written with an escape or without. */
const spelledKeys: Arbitrary<readonly string[]> = array(nat(1), { minLength: 5, maxLength: 5 }).map((escapes) =>
  ['id', 'params', '_meta', 'progressToken', 'name'].map((key, at) =>
    escapes[at] === 1 ? `"\\u${key.charCodeAt(0).toString(16).padStart(4, '0')}${key.slice(1)}"` : `"${key}"`,
  ),
);

function request(
  { id, token, name, args }: { id: string; token: string | null; name: string; args: JsonNode },
  keys: readonly string[],
  isMetaFirst: boolean,
): JsonNode {
  const [idKey = '', paramsKey = '', metaKey = '', tokenKey = '', nameKey = ''] = keys;
  const meta: [string, JsonNode][] =
    token === null
      ? []
      : [
          [
            metaKey,
            {
              members: [
                ['"vendor/x"', { members: [['"progressToken"', '1']] }],
                [tokenKey, token],
              ],
            },
          ],
        ];
  const params: [string, JsonNode][] = [
    [nameKey, name],
    ['"arguments"', args],
  ];
  const members: [string, JsonNode][] = [
    ['"jsonrpc"', '"2.0"'],
    [idKey, id],
    ['"method"', '"tools/call"'],
    [paramsKey, { members: isMetaFirst ? [...meta, ...params] : [...params, ...meta] }],
  ];
  return { members: isMetaFirst ? members.toReversed() : members };
}

describe('readRpcCall accepts', () => {
  test('every spelling of a call, and finds its tokens in the bytes', () => {
    assert(
      property(parts, spelledKeys, nat(1), (given, keys, order) => {
        const body = Buffer.from(writeJson(request(given, keys, order === 1), given.spaces));
        const { messages, isBatch, bytes } = readRpcCall(body);
        const [message] = messages;
        expect(bytes).toBe(body);
        expect(isBatch).toBe(false);
        expect(message.kind).toBe('request');
        expect(message.tool).toBe(JSON.parse(given.name));
        expect(message.idToken).toBe(given.id);
        expect(body.toString('utf8', message.idStart, message.idEnd)).toBe(given.id);
        expect(message.value).toEqual(JSON.parse(body.toString('utf8')));
        if (given.token === null) expect(message.progressTokenStart).toBe(-1);
        else expect(body.toString('utf8', message.progressTokenStart, message.progressTokenEnd)).toBe(given.token);
      }),
      { numRuns: 2000 },
    );
  });

  test('a batch, with the tokens of each message', () => {
    const body = Buffer.from(
      '[ {"jsonrpc":"2.0","id":"ä","method":"a"},\n{"jsonrpc":"2.0","method":"b"}, {"id":7,"jsonrpc":"2.0","method":"tools/call","params":{"name":"x","_meta":{"progressToken":"p"}}}]',
    );
    const { messages, isBatch } = readRpcCall(body);
    expect(isBatch).toBe(true);
    expect(messages.map(({ kind, idToken }) => [kind, idToken])).toEqual([
      ['request', '"ä"'],
      ['notification', undefined],
      ['request', '7'],
    ]);
    expect(messages.map(({ idStart, idEnd }) => body.toString('utf8', Math.max(0, idStart), Math.max(0, idEnd)))).toEqual(['"ä"', '', '7']);
    expect(messages[2]?.tool).toBe('x');
    expect(body.toString('utf8', messages[2]?.progressTokenStart, messages[2]?.progressTokenEnd)).toBe('"p"');
  });

  test.each([
    ['a response', '{"jsonrpc":"2.0","id":1,"result":{}}', 'response'],
    ['an error', '{"jsonrpc":"2.0","id":"a","error":{"code":1,"message":"m"}}', 'response'],
    ['an error for nobody', '{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"m"}}', 'response'],
    ['a notification', '{"jsonrpc":"2.0","method":"notifications/initialized"}', 'notification'],
    ['params in an array', '{"jsonrpc":"2.0","id":1,"method":"x","params":[1]}', 'request'],
    ['the same key in different objects', call('"params":{"name":"x","arguments":{"name":"y","method":"z","a":{"a":{"a":1}}}}'), 'request'],
    ['reserved words as values and deep keys', call('"params":{"name":"x","arguments":{"Name":"id","METHOD":1,"__proto__":{}}}'), 'request'],
    ['lone surrogates where nothing is decided', call('"params":{"name":"x","arguments":{"\\ud800":"\\udfff"}}'), 'request'],
    ['64 levels', call(`"params":{"name":"x","arguments":${'['.repeat(62)}${']'.repeat(62)}}`), 'request'],
  ])('%s', (_name, body, kind) => {
    expect(readRpcCall(Buffer.from(body)).messages[0].kind).toBe(kind);
  });
});

describe('readRpcCall refuses', () => {
  test('the same key twice at any depth, however it is spelled', () => {
    assert(
      property(parts, nat(), nat(), jsonNode, array(nat(5), { minLength: 1, maxLength: 4 }), (given, which, where, value, escapes) => {
        const message = request(given, ['"id"', '"params"', '"_meta"', '"progressToken"', '"name"'], false);
        const objects = objectsIn(message);
        const target = objects[which % objects.length];
        const [key] = target?.members[where % target.members.length] ?? ['""'];
        const name: unknown = JSON.parse(key);
        const escaped = [...String(name)]
          .map((character, at) =>
            escapes[at % escapes.length] === 0 && character.length === 1
              ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
              : JSON.stringify(character).slice(1, -1),
          )
          .join('');
        target?.members.splice(where % (target.members.length + 1), 0, [`"${escaped}"`, value]);
        expect(reasonFor(writeJson(message, given.spaces))).toBe('ambiguous_json');
      }),
      { numRuns: 2000 },
    );
  });

  test.each(
    [
      [
        'Method',
        'METHOD',
        'ｍethod',
        'me\\u200bthod',
        ' method',
        'method\\u0000x',
        'meth\\ud800od',
        'ıd',
        'İd',
        'ID',
        'Jsonrpc',
        'jſonrpc',
        'Params',
        'paramſ',
        'Result',
        'ERROR',
        '__proto__',
        'constructor',
      ].map((key) => [key, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"},"${key}":{}}`]),
      ['Name', 'NAME', 'nａme', 'name\\u0000', 'name ', 'Arguments', 'argumentſ', 'URI', 'Uri', 'urı', '_META', '_Meta', '__proto__'].map((key) => [
        key,
        call(`"params":{"name":"a","${key}":{}}`),
      ]),
    ].flat(),
  )('the look-alike %j of a reserved key', (_key, body) => {
    expect(reasonFor(body)).toBe('ambiguous_json');
  });

  test.each(['Tools/Call', 'TOOLS/CALL', 'tools/call ', 'tools\\u200b/call', 'ｔools/call', 'toolſ/list', 'tools/call\\u0000'])(
    'the method %j that could be taken for a ruled one',
    (method) => {
      expect(reasonFor(`{"jsonrpc":"2.0","id":1,"method":"${method}","params":{"name":"a"}}`)).toBe('ambiguous_json');
    },
  );

  const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
  test.each<[string, string | Buffer]>([
    ['nothing', ''],
    ['white space', ' \n'],
    ['a byte order mark', '\ufeff{"jsonrpc":"2.0","id":1,"method":"x"}'],
    ['UTF-16', Buffer.from('{"jsonrpc":"2.0","id":1,"method":"x"}', 'utf16le')],
    ['invalid UTF-8 in a string', latin1('{"jsonrpc":"2.0","id":"\xff","method":"x"}')],
    ['an overlong encoding', latin1('{"jsonrpc":"2.0","id":"\xc0\xaf","method":"x"}')],
    ['an encoded surrogate', latin1('{"jsonrpc":"2.0","id":"\xed\xa0\x80","method":"x"}')],
    ['a raw NUL', '{"jsonrpc":"2.0","id":"\0","method":"x"}'],
    ['a trailing comma', '{"jsonrpc":"2.0","id":1,"method":"x",}'],
    ['a comment', '{"jsonrpc":"2.0","id":1,/**/"method":"x"}'],
    ['single quotes', "{'jsonrpc':'2.0'}"],
    ['a number that JSON does not know', '{"jsonrpc":"2.0","id":0x1,"method":"x"}'],
    ['a leading zero', '{"jsonrpc":"2.0","id":01,"method":"x"}'],
    ['two documents', '{"jsonrpc":"2.0","id":1,"method":"x"}{}'],
    ['a document that ends in a string', '{"jsonrpc":"2.0","id":"abc'],
    ['a key that ends in a backslash', '{"id\\'],
    ['65 levels', call(`"params":{"name":"x","arguments":${'['.repeat(63)}${']'.repeat(63)}}`)],
    ['100,000 levels', '['.repeat(100_000) + ']'.repeat(100_000)],
    ['100,000 objects in each other', '{"a":'.repeat(100_000)],
    ['a million numbers', `[${'1,'.repeat(999_999)}1]`],
    ['a million empty objects', `[${'{},'.repeat(999_999)}{}]`],
  ])('%s as invalid JSON', (_name, body) => {
    expect(reasonFor(body)).toBe('invalid_json');
  });

  test.each([
    ['a string', '"x"'],
    ['a number', '1'],
    ['null', 'null'],
    ['an empty batch', '[]'],
    ['a batch with an id like those of the gateway', '[{"jsonrpc":"2.0","id":1,"method":"a"},{"jsonrpc":"2.0","id":"turnpike\\u003ax:MQ","method":"b"}]'],
    ['a batch in a batch', '[[{"jsonrpc":"2.0","id":1,"method":"x"}]]'],
    ['a batch with a number', '[{"jsonrpc":"2.0","id":1,"method":"x"},1]'],
    ['a batch of 101', `[${Array.from({ length: 101 }, () => '{"jsonrpc":"2.0","method":"x"}').join()}]`],
    ['an empty object', '{}'],
    ['no version', '{"id":1,"method":"x"}'],
    ['another version', '{"jsonrpc":"1.0","id":1,"method":"x"}'],
    ['a version that is a number', '{"jsonrpc":2.0,"id":1,"method":"x"}'],
    ['a method that is no string', '{"jsonrpc":"2.0","id":1,"method":["tools/call"]}'],
    ['an empty method', '{"jsonrpc":"2.0","id":1,"method":""}'],
    ['a long method', `{"jsonrpc":"2.0","id":1,"method":"${'x'.repeat(257)}"}`],
    ['half a character as method', '{"jsonrpc":"2.0","id":1,"method":"\\ud800"}'],
    ['a request with id null', '{"jsonrpc":"2.0","id":null,"method":"x"}'],
    ['a result for nobody', '{"jsonrpc":"2.0","id":null,"result":{}}'],
    ['a fractional id', '{"jsonrpc":"2.0","id":1.5,"method":"x"}'],
    ['an id with a point', '{"jsonrpc":"2.0","id":1.0,"method":"x"}'],
    ['an id with an exponent', '{"jsonrpc":"2.0","id":1e3,"method":"x"}'],
    ['an object as id', '{"jsonrpc":"2.0","id":{},"method":"x"}'],
    ['an array as id', '{"jsonrpc":"2.0","id":[1],"method":"x"}'],
    ['a boolean as id', '{"jsonrpc":"2.0","id":true,"method":"x"}'],
    ['a very long id', `{"jsonrpc":"2.0","id":"${'x'.repeat(2000)}","method":"x"}`],
    ['params that are a string', '{"jsonrpc":"2.0","id":1,"method":"x","params":"a"}'],
    ['params that are null', '{"jsonrpc":"2.0","id":1,"method":"x","params":null}'],
    ['a call without params', '{"jsonrpc":"2.0","id":1,"method":"tools/call"}'],
    ['a call without a name', call('"params":{"arguments":{}}')],
    ['a call with params in an array', call('"params":["delete_file"]')],
    ['a call with an array as name', call('"params":{"name":["a"]}')],
    ['a call with half a character as name', call('"params":{"name":"a\\udc00"}')],
    ['a call in a notification without a name', '{"jsonrpc":"2.0","method":"tools/call"}'],
    ['a message that asks and answers', '{"jsonrpc":"2.0","id":1,"method":"x","result":{}}'],
    ['a response with result and error', '{"jsonrpc":"2.0","id":1,"result":{},"error":{}}'],
    ['a response without an id', '{"jsonrpc":"2.0","result":{}}'],
    ['an id alone', '{"jsonrpc":"2.0","id":1}'],
  ])('%s as invalid JSON-RPC', (_name, body) => {
    expect(reasonFor(body)).toBe('invalid_jsonrpc');
  });

  test('whatever it does not accept, and never throws anything else', () => {
    const pieces = constantFrom('{', '}', '[', ']', '"', '\\', ':', ',', '"id"', '"jsonrpc":"2.0"', '"method":"x"', '1', ' ', 'ä', '\\u0069', 'null');
    assert(
      property(array(pieces, { maxLength: 30 }), (list) => {
        expect(['accepted', 'invalid_json', 'ambiguous_json', 'invalid_jsonrpc']).toContain(reasonFor(list.join('')));
      }),
      { numRuns: 5000 },
    );
  });
});

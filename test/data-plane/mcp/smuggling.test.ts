/** Whatever is done to the body of a blocked call: either it is refused, or no reader, however careless, finds the blocked call in what is sent on. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileToolRules } from '../../../shared/tool-rules.ts';
import { readRpcCall } from '../../../data-plane/mcp/read-rpc-call.ts';
import { Refusal } from '../../../shared/refusal.ts';
import { readCarelessly, type Reading } from '../../support/careless-reader.ts';

const BLOCKED = 'delete_file';
const RUNS = 100_000;
const rules = compileToolRules({ allowedTools: [], blockedTools: [BLOCKED] });

/** Spellings of a word that one parser or another takes for the word itself. */
const spelling = (word: string): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 30, arbitrary: fc.constant(word) },
    fc.constantFrom(
      word.toUpperCase(),
      word.slice(0, 1).toUpperCase() + word.slice(1),
      [...word].map((letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''),
      `\\u00${word.charCodeAt(0).toString(16).toUpperCase()}${word.slice(1)}`,
      [...word].map((letter) => String.fromCodePoint((letter.codePointAt(0) ?? 0) + 0xfee0)).join(''),
      word.replaceAll('s', 'ſ').replaceAll('k', '\u212a'),
      `${word}\u200b`,
      `\ufeff${word}`,
      `${word}\\u0000`,
      `${word}\\u0000x`,
      ` ${word}`,
      `${word} `,
      `${word}.`,
      word.replace('/', '\\/'),
      word.replaceAll('e', 'e\u0301'),
    ),
  );

/** Mostly none, so that one trick is not hidden by the others. */
const space = fc.oneof({ weight: 60, arbitrary: fc.constantFrom('', '', ' ', '\n') }, fc.constantFrom('\r\n', '\t', '\u00a0', '/**/', '\ufeff', '\u2028'));
const innocent = fc.constantFrom('"echo"', '"read_file"', '"ping"', '"tools/list"', 'null', '1', '{}', '[]', 'true', '"resources/read"');
const tool = spelling(BLOCKED).map((name) => `"${name}"`);
const member = (key: string, value: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(space, spelling(key), space, space, value, space)
    .map(([before, name, after, behind, text, end]) => `${before}"${name}"${after}:${behind}${text}${end}`);
/** Each key once, in any order, and sometimes one of them again. */
const keysOf = (keys: readonly string[]): fc.Arbitrary<string[]> =>
  fc
    .tuple(fc.oneof({ weight: 5, arbitrary: fc.constant([]) }, fc.subarray([...keys], { maxLength: 1 })))
    .chain(([again]) => fc.shuffledSubarray([...keys, ...again], { minLength: keys.length + again.length }));
const params = keysOf(['name', 'arguments'])
  .chain((keys) => fc.tuple(...keys.map((key) => member(key, key === 'name' ? fc.oneof({ weight: 3, arbitrary: tool }, innocent) : innocent))))
  .map((members) => `{${members.join(',')}}`);
const message = keysOf(['jsonrpc', 'id', 'method', 'params'])
  .chain((keys) => fc.tuple(...keys.map(memberOfEnvelope)))
  .map((members) => `{${members.join(',')}}`);
const body = fc
  .tuple(
    fc.array(message, { minLength: 1, maxLength: 2 }),
    fc.oneof({ weight: 10, arbitrary: fc.constant('one') }, fc.constantFrom('batch', 'two', 'wrapped', 'cut', 'comma')),
    fc.oneof({ weight: 20, arbitrary: fc.constant('utf8') }, fc.constantFrom('latin1', 'utf16le', 'overlong', 'bom')),
    fc.nat(),
  )
  .map(([messages, shape, encoding, at]) => encode(arrange(messages, shape, at), encoding));

function memberOfEnvelope(key: string): fc.Arbitrary<string> {
  switch (key) {
    case 'jsonrpc':
      return member(key, fc.constant('"2.0"'));
    case 'id':
      return member(key, fc.constantFrom('1', '"a"', '1.0', 'null'));
    case 'method':
      return member(key, fc.oneof({ weight: 4, arbitrary: spelling('tools/call').map((name) => `"${name}"`) }, innocent));
    case 'params':
      return member(
        key,
        fc.oneof(
          { weight: 5, arbitrary: params },
          innocent,
          params.map((text) => `[${text}]`),
        ),
      );
    default:
      throw new Error(`no member ${key}`);
  }
}

function arrange(messages: readonly string[], shape: string, at: number): string {
  const [first = '', second = first] = messages;
  switch (shape) {
    case 'batch':
      return `[${messages.join(',')}]`;
    case 'two':
      return `${first}\n${second}`;
    case 'wrapped':
      return `[[${first}]]`;
    case 'cut':
      return first.slice(0, at % first.length);
    case 'comma':
      return `${first.slice(0, -1)},}`;
    default:
      return first;
  }
}

function encode(text: string, encoding: string): Buffer {
  if (encoding === 'bom') return Buffer.from(`\ufeff${text}`);
  if (encoding === 'overlong') return Buffer.from(text.replace('/', '\u0001'), 'latin1').fill(0xc0, 0, 0);
  return Buffer.from(text, encoding === 'latin1' ? 'latin1' : encoding === 'utf16le' ? 'utf16le' : 'utf8');
}

/** What the gateway sends on; undefined when it refuses. Throws whatever is no refusal. */
function sentOn(bytes: Buffer): Buffer | undefined {
  try {
    const call = readRpcCall(bytes);
    return call.messages.every(({ tool: name }) => name === undefined || rules.verdictOn(name) === 'allowed') ? call.bytes : undefined;
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

function isBlockedCall({ method, tool: name }: Reading): boolean {
  return method === 'tools/call' && name === BLOCKED;
}

test('a careless reader finds the blocked call in a plain one, and in each trick alone', () => {
  const plain = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${BLOCKED}"}}`;
  for (const trick of [
    plain,
    plain.replace('"method"', '"METHOD"'),
    plain.replace('"name"', '"name":"echo","Name"'),
    `[${plain}]`,
    plain.replace(BLOCKED, `${BLOCKED}\\u0000`),
  ]) {
    expect(readCarelessly(Buffer.from(trick)).some(isBlockedCall), trick).toBe(true);
    expect(sentOn(Buffer.from(trick)), trick).toBeUndefined();
  }
});

test(`of ${RUNS} bodies none smuggles the blocked call through, and what passes is sent byte for byte`, () => {
  let passed = 0;
  let dangerous = 0;
  fc.assert(
    fc.property(body, (bytes) => {
      const isDangerous = readCarelessly(bytes).some(isBlockedCall);
      const sent = sentOn(bytes);
      if (isDangerous) dangerous++;
      if (sent === undefined) return;
      passed++;
      expect(sent.equals(bytes)).toBe(true);
      expect(isDangerous, bytes.toString('utf8')).toBe(false);
    }),
    { numRuns: RUNS },
  );
  // Otherwise nothing was tried.
  expect(passed).toBeGreaterThan(RUNS / 1000);
  expect(dangerous).toBeGreaterThan(RUNS / 10);
}, 120_000);

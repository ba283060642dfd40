/** No spelling of a blocked tool is allowed, by the rules alone and behind the parser of record. */
import { array, assert, constantFrom, nat, property, tuple, type Arbitrary } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileToolRules } from '../../shared/tool-rules.ts';
import { readRpcCall } from '../../data-plane/mcp/read-rpc-call.ts';
import { Refusal } from '../../shared/refusal.ts';

const blocking = compileToolRules({ allowedTools: [], blockedTools: ['delete_file', 'Kill.It', 'straße'] });

describe('compileToolRules', () => {
  test('allows everything, and says so, when no list is given', () => {
    const rules = compileToolRules({ allowedTools: [], blockedTools: [] });
    expect(rules.restricts).toBe(false);
    expect(rules.verdictOn('any thing ☂')).toBe('allowed');
  });

  test('a blocked tool is refused even when also allowed', () => {
    const rules = compileToolRules({ allowedTools: ['delete_file', 'read'], blockedTools: ['delete_file'] });
    expect(rules.verdictOn('delete_file')).toBe('blocked_tool');
    expect(rules.verdictOn('read')).toBe('allowed');
    expect(rules.verdictOn('write')).toBe('tool_not_allowed');
  });

  test('an allowed tool is compared to the letter', () => {
    const rules = compileToolRules({ allowedTools: ['readFile'], blockedTools: [] });
    expect(['readFile', 'readfile', 'ReadFile', 'readFile ', 'readFile.'].map((name) => rules.verdictOn(name))).toEqual([
      'allowed',
      ...Array.from({ length: 4 }, () => 'tool_not_allowed'),
    ]);
  });

  test.each([
    'DELETE_FILE',
    'ｄelete_file',
    'delete_file ',
    ' delete_file',
    'delete_file.',
    'delete_file. .',
    'dele\u200bte_file',
    'delete_\u00adfile',
    'delete_file\u0000',
    '\u202edelete_file',
    'delete_fıle',
    'delete_fi\ufe0fle',
    'kill.it',
    'K\u0131ll.It',
    '\u212aill.It',
    'STRASSE',
    'straSSe',
  ])('takes %j for the blocked tool that it looks like', (name) => {
    expect(blocking.verdictOn(name)).toBe('blocked_tool');
  });

  test.each(['dеlete_file', 'delete file', 'delete_file\n2', '', 'x'.repeat(129), 'tool☂', '__proto__\u0000x'])(
    'refuses %j, which is no plain name, wherever there is a list',
    (name) => {
      expect(blocking.verdictOn(name)).toBe('tool_not_allowed');
    },
  );

  test.each(['delete_files', 'delete', '__proto__', 'constructor', 'toString', 'a/b.c-d_E9'])('allows %j, which is another tool', (name) => {
    expect(blocking.verdictOn(name)).toBe('allowed');
  });
});

/** What somebody may do to a character so that one reader still takes it for itself. */
const disguises: readonly ((character: string) => string)[] = [
  (character) => character,
  (character) => character.toUpperCase(),
  (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  (character) => (/[a-z]/.test(character) ? String.fromCharCode(character.charCodeAt(0) + 0xfee0) : character),
  (character) => `${character}\\u200b`,
  (character) => `\u00ad${character}`,
  (character) => `${character}\\u0000`,
  (character) => (character === 'i' ? 'ı' : character),
  (character) => (character === 's' ? 'ſ' : character === 'k' ? '\u212a' : character),
  (character) => `${character}\\ufe0f`,
];
const ENDS = ['', '', '', ' ', '\\t', '.', '\\u0000', '\u3000', '\\ufeff'];

/** Mostly plain, so that many bodies get past the parser. */
function disguised(word: string): Arbitrary<string> {
  return tuple(
    array(nat(40), { minLength: word.length, maxLength: word.length }),
    constantFrom(...ENDS.filter((end) => end !== '.')),
    constantFrom(...ENDS),
  ).map(([choices, before, after]) => before + [...word].map((character, at) => disguises[choices[at] ?? 0]?.(character) ?? character).join('') + after);
}

const blockedCall = tuple(
  disguised('delete_file'),
  constantFrom('"name"', '"\\u006eame"', '"Name"'),
  constantFrom('"params"', '"para\\u006ds"', '"PARAMS"'),
  constantFrom('tools/call', 'tools\\/call', 'tool\\u0073/call', 'tools/Call'),
  nat(11),
).map(([name, nameKey, paramsKey, method, shape]) => {
  const params =
    [
      `{${nameKey}:"${name}","arguments":{}}`,
      `{"name":"read",${nameKey}:"${name}"}`,
      `{${nameKey}:"${name}","name":"read"}`,
      `{"arguments":{},"_meta":{"progressToken":1},${nameKey}:"${name}"}`,
    ][shape % 4] ?? '';
  const head = '"jsonrpc":"2.0","id":1';
  const message =
    [
      `{${head},"method":"${method}",${paramsKey}:${params}}`,
      `{${paramsKey}:${params},"method":"${method}",${head}}`,
      `{${head},"method":"tools/list","method":"${method}",${paramsKey}:${params}}`,
      `{"jsonrpc":"2.0","method":"${method}","params":{"name":"read"},${paramsKey}:${params}}`,
      `{"jsonrpc":"2.0","method":"${method}",${paramsKey}:${params}}`,
    ][shape % 5] ?? '';
  return shape > 8 ? `[{${head},"method":"ping"},${message}]` : message;
});

describe('a blocked tool in a body', () => {
  test('is refused by the parser or by the rules, whatever its disguise', () => {
    const verdicts = new Map<string, number>();
    const count = (verdict: string): void => void verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
    assert(
      property(blockedCall, (body) => {
        try {
          const tools = readRpcCall(Buffer.from(body)).messages.flatMap(({ tool }) => (tool === undefined ? [] : [tool]));
          expect(tools.some((tool) => blocking.verdictOn(tool) !== 'allowed')).toBe(true);
          count('rules');
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
          count(error.reason);
        }
      }),
      { numRuns: 20_000 },
    );
    // Both lines of defence were needed, so neither hides a hole in the other.
    expect(verdicts.get('rules')).toBeGreaterThan(1000);
    expect(verdicts.get('ambiguous_json')).toBeGreaterThan(1000);
  });
});

test.each([' ', '.'])('a name with a million of %j in it is judged at once', (filler) => {
  expect(blocking.verdictOn(`a${filler.repeat(1_000_000)}b`)).toBe('tool_not_allowed');
});

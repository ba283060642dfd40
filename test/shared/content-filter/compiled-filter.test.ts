/** Keywords and patterns are found however they are written, and nowhere else. */
import { array, assert, constantFrom, nat, property, string, uniqueArray } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { foldText } from '../../../shared/content-filter/fold-text.ts';
import { compileFilter, type CompiledFilter } from '../../../shared/content-filter/compiled-filter.ts';
import { semanticFilterSchema } from '../../../shared/content-filter/semantic-filter.ts';

function filterOf(blockedKeywords: string[], blockedPatterns: string[] = []): CompiledFilter {
  return compileFilter({ blockedKeywords, blockedPatterns, detectors: [], applyTo: ['REQUEST'], action: 'BLOCK' });
}

const say = (...texts: string[]): unknown => ({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'say', arguments: { content: texts.map((text) => ({ type: 'text', text })) } },
});

describe('keywords', () => {
  test.each([0, 100, 511, 512, 5000, 100_000])('are found behind and ahead of %i characters, and over the end of so long a text', (length) => {
    for (const padding of ['x', 'é', 'ж '].map((unit) => unit.repeat(length).slice(0, length))) {
      const { findIn } = filterOf(['private key']);
      for (const text of [`${padding} Private\n KEY`, `private key ${padding}`, `${padding} ｐｒｉｖａｔｅ key`])
        expect(findIn({ text })).toMatchObject({ rule: 'private key' });
      expect(findIn({ texts: [`${padding} private`, 'key'] })).toMatchObject({ rule: 'private key' });
      expect(findIn({ text: `${padding} private, key` })).toBeUndefined();
    }
  });

  const filter = filterOf(['secret', 'private key', 'Straße', 'ΟΔΟΣ', 'a+b (c)', '机密']);

  test.each([
    ['secret', 'the secret is'],
    ['secret', 'SeCrEt'],
    ['secret', 'unsecretly'],
    ['secret', 'ｓｅｃｒｅｔ'],
    ['secret', 'ſecret'],
    ['secret', 'se\u200bcr\u00adet'],
    ['secret', 'se\u0000cret'],
    ['secret', 'se\ufe0fcret 😀'],
    ['secret', '\u202ese\u{e0020}cret'],
    ['private key', 'private  \n\tkey'],
    ['private key', 'PRIVATE\u00a0\u2003KEY'],
    ['private key', 'private\u2028key'],
    ['Straße', 'STRASSE'],
    ['Straße', 'in der straße 5'],
    ['ΟΔΟΣ', 'οδοσήμανση'],
    ['a+b (c)', 'A+B (C)'],
    ['机密', '这是机密文件'],
  ])('%j is found in %j', (rule, text) => {
    expect(filter.findIn(say(text))).toEqual({ rule, kind: 'KEYWORD' });
  });

  test.each(['secre t', 'privatekey', 'private-key', 'aab c', 'strase', 'key private', '', '机 密'])('nothing is found in %j', (text) => {
    expect(filter.findIn(say(text))).toBeUndefined();
  });

  test('keys at any depth, tool names and addresses are judged too', () => {
    expect(filter.findIn({ params: { arguments: { a: [{ 'my Secret': 1 }] } } })?.rule).toBe('secret');
    expect(filter.findIn({ method: 'tools/call', params: { name: 'get_secret' } })?.rule).toBe('secret');
    expect(filter.findIn({ params: { uri: 'file:///secret.txt' } })?.rule).toBe('secret');
  });

  test('a phrase over neighbouring values is found, and over a value and a key is not', () => {
    expect(filter.findIn(say('my private', 'key is'))?.rule).toBe('private key');
    expect(filter.findIn({ a: 'private', key: 'x' })).toBeUndefined();
  });

  test('what the protocol itself writes is no match', () => {
    expect(filterOf(['token', 'params', 'jsonrpc']).findIn({ jsonrpc: '2.0', params: { _meta: { progressToken: 1 } } })).toBeUndefined();
    expect(filterOf(['token']).findIn({ params: { arguments: { accessToken: 1 } } })?.rule).toBe('token');
  });

  test('a blank keyword is refused by the schema and matches nothing', () => {
    const filterWith = (keyword: string): object => ({ blockedKeywords: [keyword], blockedPatterns: [], detectors: [], applyTo: [], action: 'BLOCK' });
    for (const blank of ['', ' ', '\t\n', '\u200b', '\u3000\u00ad']) {
      expect(semanticFilterSchema.safeParse(filterWith(blank)).success).toBe(false);
      expect(filterOf([blank]).findIn(say('anything'))).toBeUndefined();
    }
    expect(semanticFilterSchema.safeParse(filterWith(' a ')).success).toBe(true);
  });

  test('are found exactly where a search for each of them alone finds one', () => {
    const word = array(constantFrom('a', 'b', 'A', 'ab', ' ', '  ', '\n', 'é', 'e\u0301', 'ß', 'ss', '\u200b', '1'), { minLength: 1, maxLength: 6 }).map(
      (parts) => parts.join(''),
    );
    const plain = (text: string): string => foldText(text).replace(/\s+/g, ' ');
    assert(
      property(uniqueArray(word, { minLength: 1, maxLength: 12 }), array(word, { maxLength: 6 }), (keywords, texts) => {
        const whole = texts.map(plain).join(' ').replace(/ +/g, ' ');
        const blocked = keywords.map((keyword) => plain(keyword).trim()).filter((keyword) => keyword !== '');
        expect(filterOf(keywords).findIn(texts) !== undefined).toBe(blocked.some((keyword) => whole.includes(keyword)));
      }),
      { numRuns: 5000 },
    );
  });

  test('so many of them that they do not fit the table are found all the same', () => {
    const many = Array.from(
      { length: 500 },
      (_, index) => `${String.fromCharCode(0x4e00 + index)}${'abcdefghij'.repeat(10)}${String.fromCharCode(0x6000 + index).repeat(20)} end`,
    );
    const large = filterOf(many);
    assert(
      property(nat(499), string(), string(), (index, before, after) => {
        expect(large.findIn([before, `${many[index]}`.toUpperCase().replace(' ', '\n '), after])?.rule).toBe(many[index]);
        expect(large.findIn([before, `${many[index]}`.slice(0, -1), '', after.replace(/^\s*d/i, '')])).toBeUndefined();
      }),
      { numRuns: 200 },
    );
  });
});

describe('patterns', () => {
  const filter = filterOf([], ['AKIA[0-9A-Z]{16}', '\\bpass(word|wd)\\s*[:=]\\s*\\S+', '^only$']);

  test.each([
    ['AKIA[0-9A-Z]{16}', 'key AKIAABCDEFGHIJKLMNOP.'],
    ['AKIA[0-9A-Z]{16}', 'akiaabcdefghijklmnop'],
    ['AKIA[0-9A-Z]{16}', 'ＡＫＩＡ\u200bABCDEFGHIJKLMNOP'],
    ['\\bpass(word|wd)\\s*[:=]\\s*\\S+', 'my password = x'],
    ['^only$', 'only'],
  ])('%j is found in %j', (rule, text) => {
    expect(filter.findIn(say('first', text, 'last'))).toEqual({ rule, kind: 'PATTERN' });
  });

  test.each(['AKIA123', 'compassword=x', 'not only', 'password'])('nothing is found in %j', (text) => {
    expect(filter.findIn(say(text))).toBeUndefined();
  });

  test('white space in a pattern leads from one value into the next, and a dot does not', () => {
    expect(filter.findIn(say('password:', 'hunter2'))?.kind).toBe('PATTERN');
    expect(filterOf([], ['a.*b']).findIn(say('a', 'b'))).toBeUndefined();
  });

  test.each(['(', '[z-a]', '(?=x)', '(a)\\1', 'x{2000}'])('%j is not RE2 syntax and throws', (pattern) => {
    expect(() => filterOf([], [pattern])).toThrow();
  });

  test('too many instructions throw', () => {
    expect(() =>
      filterOf(
        [],
        Array.from({ length: 3 }, (_, index) => `[a-z]{900}${index}`),
      ),
    ).toThrow(/instructions/);
  });

  test('a pattern that takes exponential time elsewhere ends', () => {
    expect(filterOf([], ['(a+)+$', '(a|aa)+q']).findIn(say(`${'a'.repeat(100_000)}!`))).toBeUndefined();
  });
});

test('an empty list of directions means requests', () => {
  const filter = compileFilter({ blockedKeywords: ['x'], blockedPatterns: [], detectors: [], applyTo: [], action: 'OBSERVE' });
  expect([filter.appliesToRequest, filter.appliesToResponse, filter.action]).toEqual([true, false, 'OBSERVE']);
});

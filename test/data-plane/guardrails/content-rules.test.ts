/** What a filter finds is redacted in the string that holds it, or blocks the message; every other byte stays as it came. */
import { array, assert, constantFrom, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contentRulesOf, judgeContent, type OwnedFilter } from '../../../data-plane/guardrails/content-rules.ts';
import { Trail } from '../../../data-plane/trail.ts';
import { compileFilter } from '../../../shared/content-filter/compiled-filter.ts';
import { foldText } from '../../../shared/content-filter/fold-text.ts';
import type { SemanticFilter } from '../../../shared/content-filter/semantic-filter.ts';
import { Refusal } from '../../../shared/refusal.ts';

function filter(given: Partial<SemanticFilter>, id = 'srv_1'): OwnedFilter {
  const config: SemanticFilter = { blockedKeywords: [], blockedPatterns: [], detectors: [], applyTo: [], action: 'REDACT', ...given };
  return { filter: compileFilter(config), owner: { kind: 'mcpServer', id } };
}

interface Judged {
  readonly text: string | undefined;
  readonly refusal: Refusal | undefined;
  readonly dlp: unknown;
  readonly observed: readonly string[];
}

function judge(text: string, filters: readonly OwnedFilter[], besides: readonly string[] = []): Judged {
  const trail = new Trail();
  const told = (judged: Partial<Judged>): Judged => ({
    text: undefined,
    refusal: undefined,
    ...judged,
    dlp: [trail.dlp.outcome, JSON.parse(trail.dlp.findingsJson ?? '[]')],
    observed: trail.observed,
  });
  try {
    const bytes = Buffer.from(text);
    return told({ text: judgeContent(filters, { bytes, value: JSON.parse(text), direction: 'REQUEST', besides }, trail).toString('utf8') });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return told({ refusal: error });
  }
}

const call = (json: string): string => `{ "jsonrpc":"2.0","id" : 7.0, "method":"tools/call","params":{"name":"say","arguments":${json}} }\n`;
const SECRET = [filter({ blockedKeywords: ['private key'] })];
const MARK = '[redacted:KEYWORD]';

describe('a redacted message', () => {
  test('has a mark where the words stood, and else every byte as it came', () => {
    const text = call('{"a" : "the private key is \\u0061 \\/", "b":1.0, "c":["\\u0041"]}');
    expect(judge(text, SECRET).text).toBe(call(`{"a" : "the ${MARK} is a /", "b":1.0, "c":["\\u0041"]}`));
  });

  test.each([
    ['escapes', '"\\u0070rivate\\u0020key"', `"${MARK}"`],
    ['case', '"x PRIVATE Key x"', `"x ${MARK} x"`],
    ['full width', '"x ｐｒｉｖａｔｅ　ｋｅｙ x"', `"x ${MARK} x"`],
    ['zero width', '"x pri\\u200bvate k\\u00ady x private k\\u00adey y"', `"x pri\u200bvate k\u00ady x ${MARK} y"`],
    ['strokes through letters', '"x p\\u0336r\\u0336ivate ke\\u0336y\\u0336 x"', `"x ${MARK} x"`],
    ['letters of mathematics', '"x 𝐩𝐫𝐢𝐯𝐚𝐭𝐞 𝐤𝐞𝐲 😀"', `"x ${MARK} 😀"`],
    ['white space', '"x private \\n\\t key x"', `"x ${MARK} x"`],
    ['control characters', '"x pri\\u0000vate\\u0007 key x"', `"x ${MARK} x"`],
    ['twice', '"private key, private key"', `"${MARK}, ${MARK}"`],
    ['over two strings', '["a private","key b"]', `["a ${MARK}","${MARK} b"]`],
    ['a pair cut in half', '"\\ud83d private key"', `"\\ud83d ${MARK}"`],
  ])('is found behind %s', (_trick, value, redacted) => {
    const { text } = judge(call(`{"v":${value}}`), SECRET);
    expect(text).toBe(call(`{"v":${redacted ?? value}}`));
  });

  test('is redacted whole where letters cannot be told apart', () => {
    // The vowel joins the consonant before it, over what stands between them.
    const { text } = judge(call('{"v":"\\u1112\\u200b\\u1161 private key"}'), SECRET);
    expect(text).toBe(call(`{"v":"${MARK}"}`));
  });

  test('holds no word of the filter any longer, whatever was in it', () => {
    const word = constantFrom(
      'bad',
      'BAD',
      'b\u200bad',
      'ｂａｄ',
      'ba',
      'd',
      ' ',
      'é',
      'e\u0301',
      '\u1112',
      '\u1161',
      'ß',
      '😀',
      'ugly thing',
      'ugly',
      '\u3000thing',
    );
    const filters = [filter({ blockedKeywords: ['bad', 'ugly thing'], blockedPatterns: ['z+|\\bß'] })];
    assert(
      property(array(array(word, { maxLength: 8 }), { maxLength: 5 }), (texts) => {
        const { text, refusal } = judge(JSON.stringify({ result: { texts: texts.map((words) => words.join('')) } }), filters);
        expect(refusal).toBeUndefined();
        const left = foldText((text ?? '').replaceAll(/\[redacted:[A-Z]+\]/g, '|')).replace(/\s+/g, ' ');
        expect(left).not.toMatch(/bad|ugly thing/);
      }),
      { numRuns: 1000 },
    );
  });

  test('names the detector, and keeps what it does not know', () => {
    const filters = [filter({ detectors: ['EMAIL', 'CREDIT_CARD'] })];
    const { text } = judge(call('{"v":"joe@example.com paid with 4111 1111 1111 1111 today"}'), filters);
    expect(text).toBe(call('{"v":"[redacted:EMAIL] paid with [redacted:CREDIT_CARD] today"}'));
  });

  test('a private key is redacted over all the strings that it stands in', () => {
    const filters = [filter({ detectors: ['PRIVATE_KEY', 'EMAIL'] })];
    const mark = '[redacted:PRIVATE_KEY]';
    const lines = call('{"lines":["a@b.example","-----BEGIN EC PRIVATE KEY-----","MHcCAQEE","-----END EC PRIVATE KEY----- b"],"v":"c"}');
    expect(judge(lines, filters).text).toBe(call(`{"lines":["[redacted:EMAIL]","${mark}","${mark}","${mark} b"],"v":"c"}`));
    const items = (first: string, second: string) => `{"result":{"content":[{"type":"text","text":"${first}"},{"type":"text","text":"${second}"}]}}`;
    expect(judge(items('x -----BEGIN PRIVATE KEY-----\\nMI', 'IE\\n-----END PRIVATE KEY-----\\ny'), filters).text).toBe(items(`x ${mark}`, `${mark}\\ny`));
    expect(judge(items('x -----BEGIN PRIVATE KEY-----\\nMI', 'y'), filters).text).toBe(items(`x ${mark}`, 'y'));
  });

  test('a textual resource is read and written in its Base64, and a picture is left alone', () => {
    const blob = (text: string) => Buffer.from(text).toString('base64');
    const resource = (mimeType: string, text: string) => JSON.stringify({ result: { contents: [{ uri: 'x:', mimeType, blob: blob(text) }] } });
    for (const type of ['text/plain; charset=utf-8', 'application/json', 'image/svg+xml', 'TEXT/CSV'])
      expect(judge(resource(type, 'a private key ü'), SECRET).text).toBe(resource(type, `a ${MARK} ü`));
    expect(judge(resource('image/png', 'a private key'), SECRET).text).toBe(resource('image/png', 'a private key'));
    const untyped = (text: string) => JSON.stringify({ result: { contents: [{ uri: 'x:', blob: blob(text) }] } });
    expect(judge(untyped('a private key'), SECRET).text).toBe(untyped(`a ${MARK}`));
    const utf16 = JSON.stringify({ result: { contents: [{ mimeType: 'text/plain', blob: Buffer.from('\ufeffprivate key', 'utf16le').toString('base64') }] } });
    expect(judge(utf16, SECRET).refusal).toMatchObject({ reason: 'semantic_filter' });
  });

  test('errors, and what notifications say, are redacted; the mark stands in every message of a batch', () => {
    const batch = (text: string) =>
      `[{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"${text}","data":{"at":["${text}"]}}},{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"${text}"}}]`;
    expect(judge(batch('private key'), SECRET).text).toBe(batch(MARK));
  });
});

describe('where nothing can be redacted, the message is blocked', () => {
  test.each([
    ['a key', call('{"my private key":1}')],
    ['the tool', '{"method":"tools/call","params":{"name":"private key"}}'],
    ['an address', '{"method":"resources/read","params":{"uri":"private key"}}'],
    ['the id', '{"id":"private key","method":"x"}'],
    ['metadata', '{"method":"x","params":{"_meta":{"a":{"b":["private key"]}}}}'],
    ['a kind of content', '{"result":{"content":[{"type":"private key"}]}}'],
    ['a cursor', '{"result":{"nextCursor":"private key"}}'],
    ['a phrase that begins in the method', '{"method":"private","params":{"x":"key"}}'],
  ])('%s', (_where, text) => {
    const { refusal, dlp } = judge(text, SECRET);
    expect(refusal).toMatchObject({ code: 'mcp_guardrail_block', reason: 'semantic_filter' });
    expect(refusal?.message).toContain('where nothing can be redacted');
    expect(dlp).toEqual(['BLOCKED', [{ direction: 'REQUEST', kind: 'KEYWORD', rule: 'private key', action: 'BLOCK', count: 1 }]]);
  });

  test('a number', () => {
    expect(judge(call('{"card":4111111111111111}'), [filter({ detectors: ['CREDIT_CARD'] })]).refusal?.facts.rule?.path).toBe('semanticFilter.detectors');
  });

  test.each(['4.111111111111111e15', '4111111111111111.0', '411111111111111100e-2'])(
    'a number that is written as %s, beside what can be redacted',
    (number) => {
      const text = call(`{"one":"4111 1111 1111 1111","other":${number}}`);
      expect(judge(text, [filter({ detectors: ['CREDIT_CARD'] })]).refusal).toBeDefined();
    },
  );

  test('a resource of which both the Base64 and what it says would be', () => {
    const blob = Buffer.from('my secret').toString('base64');
    const text = JSON.stringify({ result: { contents: [{ uri: 'x:', mimeType: 'text/plain', blob }] } });
    expect(judge(text, [filter({ blockedKeywords: ['secret', blob.slice(0, 4)] })]).refusal).toBeDefined();
    expect(judge(text, [filter({ blockedKeywords: ['secret'] })]).text).not.toContain(blob);
  });

  test.each(['{"x":"image/png"}', '1', '["image/png"]'])('no resource is taken for a picture by a type that is %s', (mimeType) => {
    const blob = (text: string) => Buffer.from(text).toString('base64');
    const text = (said: string) => `{"result":{"contents":[{"mimeType":${mimeType},"blob":"${blob(said)}"},{"text":"${said}"}]}}`;
    expect(judge(text('private key'), SECRET).text).toBe(text(MARK));
  });

  test('what a header repeats', () => {
    expect(judge(call('{"v":"x"}'), SECRET, ['a private key']).refusal).toBeDefined();
    expect(judge(call('{"v":"private key"}'), SECRET, ['another']).text).toContain(MARK);
  });

  test('a pattern that matches nothing but places, or too often to be told', () => {
    expect(judge(call('{"v":"x"}'), [filter({ blockedPatterns: ['y*'] })]).refusal).toBeDefined();
    expect(judge(call(`{"v":"${'z '.repeat(300)}"}`), [filter({ blockedPatterns: ['z'] })]).refusal).toBeDefined();
  });
});

describe('of several filters', () => {
  const on = (action: SemanticFilter['action'], id: string) => filter({ blockedKeywords: ['private key'], action }, id);

  test('the strictest decides, and all of them are told', () => {
    const text = call('{"v":"private key"}');
    const blocked = judge(text, [on('OBSERVE', 'a'), on('REDACT', 'b'), on('BLOCK', 'c')]);
    expect(blocked.refusal?.facts.rule).toEqual({ kind: 'mcpServer', id: 'c', path: 'semanticFilter.blockedKeywords' });
    expect(blocked.dlp).toMatchObject(['BLOCKED', [{ action: 'OBSERVE' }, { action: 'BLOCK', count: 2 }]]);
    const redacted = judge(text, [on('OBSERVE', 'a'), on('REDACT', 'b')]);
    expect(redacted.text).toContain(MARK);
    expect(redacted.dlp).toMatchObject(['REDACTED', [{ action: 'OBSERVE' }, { action: 'REDACT' }]]);
    const observed = judge(text, [on('OBSERVE', 'a')]);
    expect(observed).toMatchObject({ text, observed: [expect.stringContaining('mcp_guardrail_block/semantic_filter')], dlp: ['OBSERVED', [{ count: 1 }]] });
  });

  test('each redacts what it finds, and overlapping words get one mark', () => {
    const filters = [filter({ blockedKeywords: ['private key', 'key file'] }), filter({ blockedPatterns: ['k[a-z]y file'] })];
    expect(judge(call('{"v":"a private key file here"}'), filters).text).toBe(call(`{"v":"a ${MARK} here"}`));
  });

  test('nothing that matches is nothing that is told', () => {
    const text = call('{"v":"public"}');
    expect(judge(text, [on('BLOCK', 'a')])).toEqual({ text, refusal: undefined, dlp: ['NONE', []], observed: [] });
  });
});

test('a filter is asked in the directions that it applies to', () => {
  const both = filter({ applyTo: ['REQUEST', 'RESPONSE'] });
  const answers = filter({ applyTo: ['RESPONSE'] });
  expect(contentRulesOf([both, answers])).toEqual({ request: [both], response: [both, answers] });
});

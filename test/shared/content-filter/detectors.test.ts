/** Each detector finds what it is named for, however that is spaced and written, and takes nothing else for it. */
import { array, assert, constantFrom, integer, property, stringMatching, tuple } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileFilter } from '../../../shared/content-filter/compiled-filter.ts';
import { DETECTORS, detectorOf, type DetectorName } from '../../../shared/content-filter/detectors.ts';
import { mintToken, TOKEN_PREFIXES, type TokenKind } from '../../../shared/token.ts';

const found = (name: DetectorName, text: string): string[] => detectorOf(name)(text).map(({ start, end }) => text.slice(start, end));

/** Where a check digit makes the sum a multiple of ten. */
function withCheckDigit(head: string): string {
  const sum = [...head].toReversed().reduce((total, digit, index) => {
    const value = Number(digit) * (index % 2 === 0 ? 2 : 1);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return head + String((10 - (sum % 10)) % 10);
}

const HEADS = [
  ['4', 12],
  ['4', 15],
  ['37', 14],
  ['5500', 15],
  ['2221', 15],
  ['6011', 15],
  ['3530', 15],
  ['36', 13],
  ['6304', 11],
  ['62', 18],
] as const;
const card = constantFrom(...HEADS).chain(([prefix, length]) => stringMatching(/^\d{19}$/).map((digits) => withCheckDigit((prefix + digits).slice(0, length))));
const separators = array(constantFrom('', ' ', '-', '  ', ' - '), { minLength: 19, maxLength: 19 });
const around = constantFrom('', 'card ', 'Karte: ', '日本', '(', '"');
const behind = constantFrom('', ' card', '. ', '日本', ')', '"');
const spaced = (digits: string, gaps: readonly string[]): string => [...digits].map((digit, index) => (index === 0 ? digit : gaps[index - 1] + digit)).join('');

describe('cards', () => {
  test('every number with an issuer and a right check digit is found, however it is spaced', () => {
    assert(
      property(card, separators, around, behind, (digits, gaps, before, rest) => {
        const number = spaced(digits, gaps);
        expect(found('CREDIT_CARD', `${before}${number}${rest}`).map((text) => text.replace(/\D/g, ''))).toContain(digits);
      }),
    );
  });

  test('no digits with a wrong check digit are found', () => {
    assert(
      property(card, integer({ min: 1, max: 9 }), (digits, shift) => {
        const wrong = digits.slice(0, -1) + String((Number(digits.at(-1)) + shift) % 10);
        expect(found('CREDIT_CARD', wrong)).toEqual([]);
      }),
    );
  });

  test.each([
    '3.141592653589793',
    '-122.4111111111111111',
    '0.4111111111111111',
    'a4111111111111111f',
    '41111111111111111111111111111111',
    '1111 1111 1111 1117',
    '2026-11-21 18:31:07',
  ])('%j is none', (text) => {
    expect(found('CREDIT_CARD', text)).toEqual([]);
  });

  test('a number that is no string is read too, and only by who looks for numbers', () => {
    const filterOf = (name: DetectorName) => compileFilter({ blockedKeywords: [], blockedPatterns: [], detectors: [name], applyTo: [], action: 'BLOCK' });
    expect(filterOf('CREDIT_CARD').findIn({ card: 4_111_111_111_111_111 })).toEqual({ kind: 'DETECTOR', rule: 'CREDIT_CARD' });
    expect(filterOf('CREDIT_CARD').findIn({ card: 4_111_111_111_111_112 })).toBeUndefined();
    expect(filterOf('IBAN').findIn({ card: 4_111_111_111_111_111 })).toBeUndefined();
  });
});

describe('bank accounts', () => {
  const FORMS = [
    ['DE', /^\d{18}$/],
    ['GB', /^[A-Z]{4}\d{14}$/],
    ['FR', /^\d{10}[A-Z0-9]{11}\d{2}$/],
    ['NO', /^\d{11}$/],
    ['MT', /^[A-Z]{4}\d{5}[A-Z0-9]{18}$/],
  ] as const;
  const remainderOf = (text: string): bigint => BigInt([...text].map((character) => Number.parseInt(character, 36)).join('')) % 97n;
  const account = constantFrom(...FORMS).chain(([country, form]) =>
    stringMatching(form).map((rest) => `${country}${String(98n - remainderOf(`${rest}${country}00`)).padStart(2, '0')}${rest}`),
  );

  test('every number with right check digits is found, however it is spaced', () => {
    assert(
      property(account, array(constantFrom('', ' ', '-', '  '), { minLength: 34, maxLength: 34 }), around, (number, gaps, before) => {
        for (const written of [number, number.toLowerCase(), number.replace(/(.{4})/g, '$1 ').trim(), spaced(number, gaps)])
          expect(found('IBAN', `${before}${written}.`)).toEqual([written]);
      }),
    );
  });

  test('no number with wrong check digits is found', () => {
    assert(
      property(account, integer({ min: 1, max: 96 }), (number, shift) => {
        const check = String(((Number(number.slice(2, 4)) - 2 + shift) % 97) + 2).padStart(2, '0');
        expect(found('IBAN', number.slice(0, 2) + check + number.slice(4))).toEqual([]);
      }),
    );
  });

  test.each(['DE89 3704 0044 0532 0130', 'XX89370400440532013000', 'DE89370400440532013000X', 'ADE89370400440532013000'])('%j is none', (text) => {
    expect(found('IBAN', text)).toEqual([]);
  });
});

describe('e-mail addresses', () => {
  test.each([
    ['write to joe@example.com.', 'joe@example.com'],
    ['<joe.q+tag@mail.example.co.uk>', 'joe.q+tag@mail.example.co.uk'],
    ['mailto:o%40x', undefined],
    ['?to=joe%40example.com&x', 'joe%40example.com'],
    ['jörg@müller.example', 'jörg@müller.example'],
    ['a@xn--bcher-kva.example', 'a@xn--bcher-kva.example'],
    ['a@b.c, d@e.org', 'd@e.org'],
    ['icon@2x.png', undefined],
    ['lodash@4.17.21', undefined],
    ['@scope/package', undefined],
    ['user@localhost', undefined],
  ])('in %j: %j', (text, address) => {
    expect(found('EMAIL', text)).toEqual(address === undefined ? [] : [address]);
  });
});

describe('secrets', () => {
  const pem = '-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----';
  /** With its checksum in the last six characters. */
  const CHECKED = 'zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17';
  // Put together here, so that nobody takes these for real ones.
  test.each<[DetectorName, string]>([
    ['AWS_KEY', ['AKIA', 'IOSFODNN7EXAMPLE'].join('')],
    ['GCP_KEY', ['AIza', 'SyA1234567890abcdefghijklmnopqrstu_'].join('')],
    ['GCP_KEY', `GOCSPX-${'a'.repeat(28)}`],
    ['AZURE_KEY', `AccountKey=${'A'.repeat(86)}==`],
    ['GITHUB_TOKEN', ['ghp_', CHECKED].join('')],
    ['GITHUB_TOKEN', `github_pat_${'1'.repeat(22)}_${'a'.repeat(59)}`],
    ['GITLAB_TOKEN', `glpat-${'x'.repeat(20)}`],
    ['NPM_TOKEN', ['npm_', CHECKED].join('')],
    ['SLACK_TOKEN', `xoxb-${'1'.repeat(12)}-${'a'.repeat(24)}`],
    ['SLACK_TOKEN', `hooks.slack.com/services/T00000000/B00000000/${'X'.repeat(24)}`],
    ['STRIPE_KEY', `sk_live_${'4'.repeat(24)}`],
    ['OPENAI_KEY', `sk-proj-${'a'.repeat(40)}`],
    ['OPENAI_KEY', `sk-${'a'.repeat(20)}T3BlbkFJ${'b'.repeat(20)}`],
    ['ANTHROPIC_KEY', `sk-ant-api03-${'a'.repeat(80)}`],
    ['JWT', ['eyJhbGciOiJIUzI1NiJ9', 'eyJzdWIiOiIxMjM0NTY3ODkwIn0', 'c'.repeat(43)].join('.')],
    ['PRIVATE_KEY', pem],
  ])('%s finds %s', (name, secret) => {
    for (const text of [secret, `key=${secret}`, `"${secret}"`, `${secret}, ${secret}`]) expect(found(name, text)[0]).toBe(secret);
    if (name !== 'PRIVATE_KEY') expect(found(name, `x${secret}`)).toEqual([]);
  });

  test('a key without its last line goes on to the end', () => {
    expect(found('PRIVATE_KEY', `see ${pem.slice(0, 50)}`)).toEqual([pem.slice(0, 50)]);
  });

  test.each<[DetectorName, string]>([
    ['GITHUB_TOKEN', `ghp_${'x'.repeat(36)}`],
    ['NPM_TOKEN', `npm_${'x'.repeat(36)}`],
    ['AWS_KEY', `AKIA${'0'.repeat(17)}`],
    ['OPENAI_KEY', `sk-${'a'.repeat(48)}`],
    ['JWT', 'eyJhbGciOiJIUzI1NiJ9.e30.cccccccc'],
    ['TURNPIKE_KEY', `vk_${'a'.repeat(10)}_${'b'.repeat(49)}`],
  ])('%s does not find %s', (name, text) => {
    expect(found(name, text)).toEqual([]);
  });

  test('tokens of every kind of ours are found', () => {
    const kinds: readonly TokenKind[] = ['apiKey', 'adminToken', 'dataPlaneToken', 'invitation', 'session'];
    expect(kinds).toHaveLength(Object.keys(TOKEN_PREFIXES).length);
    for (const kind of kinds) {
      const { token } = mintToken(kind);
      expect(found('TURNPIKE_KEY', `the key ${token}!`)).toEqual([token]);
    }
  });
});

test.each(DETECTORS)('%s answers places from left to right that do not overlap, whatever the text', (name) => {
  const piece = constantFrom(
    'eyJ',
    '.',
    '-',
    '@',
    'a.',
    'ghp_',
    'sk-',
    '4111',
    ' ',
    'DE89',
    '-----BEGIN PRIVATE KEY-----',
    '-----END ',
    'AKIA',
    'Q~',
    'ä',
    'é.',
    '%40',
  );
  assert(
    property(array(tuple(piece, integer({ min: 1, max: 4 })), { maxLength: 60 }), (pieces) => {
      const text = pieces.map(([part, times]) => part.repeat(times)).join('');
      let behind = 0;
      for (const { start, end } of detectorOf(name)(text)) {
        expect(start).toBeGreaterThanOrEqual(behind);
        expect(end).toBeGreaterThan(start);
        expect(end).toBeLessThanOrEqual(text.length);
        behind = end;
      }
    }),
  );
});

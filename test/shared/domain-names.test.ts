/** Hosts have one spelling, whatever tricks a URL plays. */
import { describe, expect, test } from 'vitest';
import { belongsTo, hostOf, readDomain } from '../../shared/domain-names.ts';

test.each([
  ['https://Evil.COM/path?x#y', 'evil.com'],
  ['HTTPS://evil.com.', 'evil.com'],
  ['https://good.com@evil.com/', 'evil.com'],
  ['https://good.com:pass@evil.com:8443/', 'evil.com'],
  ['https:\\\\evil.com', 'evil.com'],
  ['https:/evil.com', 'evil.com'],
  ['https:evil.com', 'evil.com'],
  ['ht\ttps://ev\nil.com', 'evil.com'],
  ['//evil.com/x', 'evil.com'],
  ['evil.com:8080/x', 'evil.com'],
  ['evil.com', 'evil.com'],
  ['https://ｅｖｉｌ。com', 'evil.com'],
  ['https://e\u00advil.com', 'evil.com'],
  ['https://%65vil.com', 'evil.com'],
  ['https://bücher.example', 'xn--bcher-kva.example'],
  ['http://2130706433/', '127.0.0.1'],
  ['http://0x7f.1/', '127.0.0.1'],
  ['http://0177.0.0.1/', '127.0.0.1'],
  ['http://[::1]:80/', '::1'],
  ['http://[::ffff:127.0.0.1]/', '::ffff:7f00:1'],
  ['file:///etc/passwd', ''],
  ['ftp://evil.com', 'evil.com'],
  ['not a url', undefined],
  ['https://', undefined],
])('%j leads to %j', (url, host) => {
  expect(hostOf(url)).toBe(host);
});

describe('a domain that is configured', () => {
  test.each([
    ['Example.COM', 'example.com'],
    ['*.example.com', 'example.com'],
    ['.example.com.', 'example.com'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['192.0.2.1', '192.0.2.1'],
    ['[2001:DB8::1]', '2001:db8::1'],
    ['gov', 'gov'],
  ])('%j is %j', (text, domain) => {
    expect(readDomain(text)).toBe(domain);
  });

  test.each(['', ' ', 'https://example.com', 'example.com/path', 'a b', 'user@example.com', 'a..b', 'example.com:80x', '-.com'])('%j is none', (text) => {
    expect(readDomain(text)).toBeUndefined();
  });
});

test('subdomains belong to a domain; look-alikes, and parts of addresses, do not', () => {
  expect(belongsTo('example.com', 'example.com')).toBe(true);
  expect(belongsTo('a.b.example.com', 'example.com')).toBe(true);
  expect(belongsTo('notexample.com', 'example.com')).toBe(false);
  expect(belongsTo('example.com.evil.org', 'example.com')).toBe(false);
  expect(belongsTo('10.0.0.1', '0.0.1')).toBe(false);
});

test('a host of a million dots is read at once', () => {
  expect(hostOf(`https://${'.'.repeat(1_000_000)}a`)).toHaveLength(1_000_001);
});

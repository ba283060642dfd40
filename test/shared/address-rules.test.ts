/** A server is reached at addresses that it may have, whatever a name says and however an address is written. */
import type { LookupFunction } from 'node:net';
import { expect, test } from 'vitest';
import { AddressRefused, AddressRules, guardLookup } from '../../shared/address-rules.ts';

const rules = new AddressRules(['10.1.0.0/16', 'fd00::/8']);

test.each([
  '127.0.0.1',
  '10.1.2.3',
  '169.254.169.254',
  '100.64.0.1',
  '0.0.0.0',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::ffff:127.0.0.1',
  '::ffff:a9fe:a9fe',
  '::7f00:1',
  '64:ff9b::a9fe:a9fe',
  '2002:7f00:1::',
  '3fff::1',
  '5f00::1',
  'fd00::1',
  'fe80::1',
  'fec0::1',
  'ff02::1',
])('%s is no address of a public server', (address) => {
  expect(rules.mayConnect(address, true)).toBe(false);
});

test.each(['8.8.8.8', '172.15.0.1', '172.32.0.1', '2606:4700::1111', '::ffff:8.8.8.8'])('%s is one', (address) => {
  for (const isPublic of [true, false]) expect(rules.mayConnect(address, isPublic)).toBe(true);
});

test('a server that is not public may live where the operator says, or anywhere when he says nothing', () => {
  for (const address of ['10.1.2.3', 'fd00::1', '::ffff:10.1.2.3']) expect(rules.mayConnect(address, false)).toBe(true);
  for (const address of ['10.2.0.1', '127.0.0.1', '169.254.169.254', '::1']) {
    expect(rules.mayConnect(address, false)).toBe(false);
    expect(new AddressRules(undefined).mayConnect(address, false)).toBe(true);
  }
});

test.each(['http://127.1/', 'http://0x7f000001/', 'http://[::1]:80/', 'http://[::ffff:127.0.0.1]/', 'http://2130706433/'])(
  '%s is refused before a connection',
  (url) => {
    expect(() => rules.refuseLiteral(new URL(url), true)).toThrow(AddressRefused);
  },
);

test('a name that is no address is left to the lookup', () => {
  expect(() => rules.refuseLiteral(new URL('http://127.0.0.1.example/'), true)).not.toThrow();
});

/** What the socket is told of a name with these addresses. */
function lookedUp(addresses: readonly string[], all: boolean): Promise<unknown[]> {
  const entries = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  const lookup: LookupFunction = guardLookup((_name, _options, callback) => callback(null, entries), rules, true);
  return new Promise((resolve) => lookup('name.example', { all }, (...answer) => resolve(answer)));
}

test('one address that a server may not have is enough to refuse the name', async () => {
  for (const all of [true, false]) {
    expect((await lookedUp(['8.8.8.8', '10.0.0.1'], all))[0]).toBeInstanceOf(AddressRefused);
    expect((await lookedUp(['8.8.8.8', '::1'], all))[0]).toBeInstanceOf(AddressRefused);
  }
});

test('the connection goes to what was judged', async () => {
  expect(await lookedUp(['8.8.8.8', '8.8.4.4'], false)).toEqual([null, '8.8.8.8', 4]);
  expect(await lookedUp(['8.8.8.8'], true)).toEqual([null, [{ address: '8.8.8.8', family: 4 }]]);
});

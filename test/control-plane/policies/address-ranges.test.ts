/** Sets of addresses: read from blocks of both families, and what they have in common. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EVERY_ADDRESS, inBoth, rangesOf, without } from '../../../control-plane/policies/address-ranges.ts';
import { intersectCidrs } from '../../../shared/cidr.ts';

const sizesOf = (cidrs: string[]) => rangesOf(cidrs).map(({ from, to }) => to - from + 1n);

test('blocks are read whatever bits of them stand behind their length, and joined where they overlap', () => {
  expect(rangesOf(['10.1.2.3/8'])).toEqual(rangesOf(['10.0.0.0/8']));
  expect(sizesOf(['10.0.0.0/8', '10.9.0.0/16', '10.255.255.255'])).toEqual([1n << 24n]);
  expect(sizesOf(['2001:db8::/32', '::1'])).toEqual([1n, 1n << 96n]);
  expect(rangesOf(['2001:db8:0:0:0:0:0:1'])).toEqual(rangesOf(['2001:db8::1/128']));
});

test('an IPv4 address is the same one in the form of IPv6', () => {
  expect(rangesOf(['::ffff:10.0.0.0/104'])).toEqual(rangesOf(['10.0.0.0/8']));
  expect(inBoth(rangesOf(['::/0']), rangesOf(['10.0.0.1']))).toEqual(rangesOf(['10.0.0.1']));
});

test('what is taken away is gone, also piece by piece', () => {
  expect(without(rangesOf(['10.0.0.0/8']), rangesOf(['10.0.0.0/9', '10.128.0.0/9']))).toEqual([]);
  expect(without(rangesOf(['10.0.0.0/30']), rangesOf(['10.0.0.1']))).toEqual(rangesOf(['10.0.0.0', '10.0.0.2/31']));
  expect(without(EVERY_ADDRESS, EVERY_ADDRESS)).toEqual([]);
});

const octet = fc.integer({ min: 0, max: 3 });
const block = fc.tuple(octet, octet, octet, octet, fc.integer({ min: 0, max: 32 })).map(([a, b, c, d, bits]) => `${a}.${b}.${c}.${d}/${bits}`);
const six = fc.tuple(octet, octet, fc.integer({ min: 0, max: 128 })).map(([a, b, bits]) => `${a}:${b}::1/${bits}`);

test.each([
  ['IPv4', block],
  ['IPv6', six],
])('lists of %s have in common what the effective policy shows', (_family, blocks) => {
  fc.assert(
    fc.property(fc.array(blocks, { maxLength: 6 }), fc.array(blocks, { maxLength: 6 }), (one, other) => {
      expect(inBoth(rangesOf(one), rangesOf(other))).toEqual(rangesOf(intersectCidrs([one, other])));
    }),
  );
});

/** Sets of addresses as sorted ranges, in which lists of a thousand blocks are compared at once. */
import { isIPv4 } from 'node:net';

/** Both ends belong to it. */
export interface AddressRange {
  readonly from: bigint;
  readonly to: bigint;
}

const BITS = 128;
/** Of IPv4 addresses among those of IPv6, which is how lists of either compare with the other. */
const MAPPED = 0xffffn << 32n;

export const EVERY_ADDRESS: readonly AddressRange[] = [{ from: 0n, to: (1n << BigInt(BITS)) - 1n }];

/** The blocks must be valid. They may overlap; the ranges do not. */
export function rangesOf(cidrs: readonly string[]): AddressRange[] {
  const sorted = cidrs.map(rangeOf).toSorted((one, other) => Number(one.from > other.from) - Number(one.from < other.from));
  const ranges: AddressRange[] = [];
  for (const range of sorted) {
    const last = ranges.at(-1);
    if (last === undefined || range.from > last.to) ranges.push(range);
    else if (range.to > last.to) ranges[ranges.length - 1] = { from: last.from, to: range.to };
  }
  return ranges;
}

export function inBoth(one: readonly AddressRange[], other: readonly AddressRange[]): AddressRange[] {
  const common: AddressRange[] = [];
  for (let i = 0, j = 0; ;) {
    const [left, right] = [one[i], other[j]];
    if (left === undefined || right === undefined) return common;
    const range = { from: left.from > right.from ? left.from : right.from, to: left.to < right.to ? left.to : right.to };
    if (range.from <= range.to) common.push(range);
    if (left.to < right.to) i += 1;
    else j += 1;
  }
}

export function without(ranges: readonly AddressRange[], taken: readonly AddressRange[]): AddressRange[] {
  return inBoth(ranges, complementOf(taken));
}

function complementOf(ranges: readonly AddressRange[]): AddressRange[] {
  const starts = [0n, ...ranges.map(({ to }) => to + 1n)];
  const ends = [...ranges.map(({ from }) => from - 1n), (1n << BigInt(BITS)) - 1n];
  return starts.map((from, index) => ({ from, to: ends[index] ?? from })).filter(({ from, to }) => from <= to);
}

function rangeOf(cidr: string): AddressRange {
  const [address = '', bits] = cidr.split('/');
  const isFour = isIPv4(address);
  const ofFamily = isFour ? 32 : BITS;
  const size = 1n << BigInt(ofFamily - Number(bits ?? ofFamily));
  const value = isFour ? MAPPED | valueOfFour(address) : valueOfSix(address);
  const from = value - (value % size);
  return { from, to: from + size - 1n };
}

function valueOfFour(address: string): bigint {
  return address.split('.').reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

function valueOfSix(address: string): bigint {
  const [head = [], tail] = address.replace(/%.*$/, '').split('::').map(groupsOf);
  const left = tail === undefined ? head : [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0n), ...tail];
  return left.reduce((value, group) => (value << 16n) | group, 0n);
}

function groupsOf(text: string): bigint[] {
  return text.split(':').flatMap((group) => {
    if (group === '') return [];
    if (!isIPv4(group)) return [BigInt(`0x${group}`)];
    const value = valueOfFour(group);
    return [value >> 16n, value & 0xffffn];
  });
}

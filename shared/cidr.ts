/** Compares and intersects lists of CIDR blocks. */
import { BlockList, isIPv6 } from 'node:net';
import { addToBlockList } from './policy.ts';

/** Whether every address of the inner block is in the outer one. */
export function cidrHolds(outer: string, inner: string): boolean {
  const [address = ''] = inner.split('/');
  const [outerAddress = ''] = outer.split('/');
  if (isIPv6(address) !== isIPv6(outerAddress) || bitsOf(outer) > bitsOf(inner)) return false;
  const list = new BlockList();
  addToBlockList(list, outer);
  return list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

/** The blocks that are in one of every list; of two blocks one holds the other, or they have nothing in common. */
export function intersectCidrs(lists: readonly (readonly string[])[]): string[] {
  const [first = [], ...others] = lists;
  const common = others.reduce<readonly string[]>((kept, list) => kept.flatMap((one) => list.flatMap((other) => intersectionOf(one, other))), first);
  return [...new Set(common)];
}

function intersectionOf(one: string, other: string): string[] {
  if (cidrHolds(one, other)) return [other];
  return cidrHolds(other, one) ? [one] : [];
}

function bitsOf(cidr: string): number {
  const [address = '', bits] = cidr.split('/');
  return Number(bits ?? (isIPv6(address) ? 128 : 32));
}

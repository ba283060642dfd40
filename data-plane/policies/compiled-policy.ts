/** A policy envelope made ready: address lists as block lists, rates as the checks that the counters take. */
import { BlockList, isIPv6 } from 'node:net';
import type { PolicyConfig } from '../../shared/config-document.ts';
import { addToBlockList, ratesIn, type PolicyScope } from '../../shared/policy.ts';
import type { LeaseCheck, RateCheck } from '../counters/counters.ts';

export interface CompiledPolicy {
  readonly id: string;
  readonly scope: PolicyScope;
  readonly mode: 'ENFORCE' | 'OBSERVE';
  readonly allowlist: BlockList | undefined;
  readonly blocklist: BlockList | undefined;
  /** From the longest window to the shortest, with the path of the setting for denials. */
  readonly rates: readonly (RateCheck & { readonly path: string })[];
  readonly lease: LeaseCheck | undefined;
  readonly requestBytesMax: number | undefined;
  readonly responseBytesMax: number | undefined;
}

const LEASE_TTL_SECONDS = 30;

export function compilePolicy(policy: PolicyConfig): CompiledPolicy {
  const { ip, ratelimit } = policy.envelope.policies;
  const max = ratelimit?.concurrency?.max;
  return {
    id: policy.id,
    scope: policy.scope,
    mode: policy.mode,
    allowlist: toBlockList(ip?.allowlist),
    blocklist: toBlockList(ip?.blocklist),
    rates: ratesIn(policy.envelope).map((rate) => ({ ...rate, key: `rate:${policy.id}:${rate.windowMillis}` })),
    lease:
      max === undefined ? undefined : { key: `lease:${policy.id}`, max, ttlMillis: (ratelimit?.concurrency?.lease_ttl_seconds ?? LEASE_TTL_SECONDS) * 1000 },
    requestBytesMax: ratelimit?.payload?.max_request_bytes,
    responseBytesMax: ratelimit?.payload?.max_response_bytes,
  };
}

/** Whether an address is on a list; text that is no address is on none. */
export function listHolds(list: BlockList, address: string): boolean {
  return list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

function toBlockList(cidrs: readonly string[] | undefined): BlockList | undefined {
  if (cidrs === undefined || cidrs.length === 0) return undefined;
  const list = new BlockList();
  for (const cidr of cidrs) addToBlockList(list, cidr);
  return list;
}

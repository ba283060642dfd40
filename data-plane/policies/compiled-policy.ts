/** A policy envelope made ready: address lists as block lists, rates as the checks that the counters take. */
import { BlockList, isIPv6 } from 'node:net';
import type { PolicyConfig } from '../../shared/config-document.ts';
import { addToBlockList, type PolicyScope } from '../../shared/policy.ts';
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

const RATE_WINDOWS = [
  ['per_day', 86_400_000],
  ['per_hour', 3_600_000],
  ['per_minute', 60_000],
  ['per_second', 1000],
] as const;
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
    rates: ratesOf(policy),
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

/** `burst` belongs to the shortest window that is given: it says how uneven that pace may be, the longer windows hold as they are. */
function ratesOf(policy: PolicyConfig): CompiledPolicy['rates'] {
  const requests = policy.envelope.policies.ratelimit?.requests ?? {};
  const given = RATE_WINDOWS.filter(([name]) => requests[name] !== undefined);
  return given.map(([name, windowMillis], index) => ({
    key: `rate:${policy.id}:${windowMillis}`,
    limit: requests[name] ?? 0,
    windowMillis,
    burst: index === given.length - 1 ? requests.burst : undefined,
    path: `policies.ratelimit.requests.${name}`,
  }));
}

function toBlockList(cidrs: readonly string[] | undefined): BlockList | undefined {
  if (cidrs === undefined || cidrs.length === 0) return undefined;
  const list = new BlockList();
  for (const cidr of cidrs) addToBlockList(list, cidr);
  return list;
}

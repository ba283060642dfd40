/** Calls authorisation servers: through the guard against addresses that nobody should be sent to, and only where nobody can listen in. */
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { AddressRules } from '../../shared/address-rules.ts';
import { createGuardedFetch } from '../mcp-client/guarded-fetch.ts';

/** For everything that one errand needs to ask. */
const ERRAND_MILLIS_MAX = 20_000;
const LOOPBACK_HOSTS: readonly string[] = ['localhost', '127.0.0.1', '[::1]'];

/** HTTPS; on the machine itself, where nobody can listen in, plain HTTP as well. */
export function isPrivateWay(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK_HOSTS.includes(url.hostname));
}

/** Whether tokens are asked for where anybody could listen in, if it were not the machine itself. */
export function isPlain(address: string): boolean {
  return URL.parse(address)?.protocol === 'http:';
}

/** Gives the work a fetch that ends with it, or when it takes too long. */
export async function withOauthFetch<Answer>(
  { rules, isPublic }: { readonly rules: AddressRules; readonly isPublic: boolean },
  work: (fetch: FetchLike) => Promise<Answer>,
): Promise<Answer> {
  const guarded = createGuardedFetch({ rules, isPublic, signal: AbortSignal.timeout(ERRAND_MILLIS_MAX) });
  const fetch: FetchLike = async (address, init) => {
    const url = new URL(address);
    if (!isPrivateWay(url)) throw new Error(`${url.origin} is not called without TLS: what goes there is secret`);
    // The library sends forms as such; the guard sends text.
    const body = init?.body instanceof URLSearchParams ? String(init.body) : init?.body;
    return guarded.fetch(address, { ...init, ...(body == null ? {} : { body }) });
  };
  try {
    return await work(fetch);
  } finally {
    await guarded.close();
  }
}

/** The one way in which the control plane calls a server over HTTP: to addresses that it may have, along no redirect, and within bounds of size and time. */
import { lookup } from 'node:dns';
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import { Agent, request } from 'undici';
import { AddressRefused, guardLookup, type AddressRules } from '../../shared/address-rules.ts';
import { complaintOf } from './complaints.ts';

export interface GuardedFetch {
  readonly fetch: FetchLike;
  /** What the server said when it last wanted to know who is asking; undefined when it never did. */
  challenge(): Response | undefined;
  /** Whether anything ever came back, whatever it was. */
  hasAnswered(): boolean;
  close(): Promise<void>;
}

export interface FetchTerms {
  readonly rules: AddressRules;
  readonly isPublic: boolean;
  /** Ends whatever is under way. */
  readonly signal: AbortSignal;
}

const CONNECT_MILLIS_MAX = 5000;
const SILENCE_MILLIS_MAX = 10_000;
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;
/** Answers without a body, which a `Response` must not be given. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

export function createGuardedFetch({ rules, isPublic, signal }: FetchTerms): GuardedFetch {
  let challenge: Response | undefined;
  let isAnswered = false;
  const agent = new Agent({
    allowH2: false,
    connect: { timeout: CONNECT_MILLIS_MAX, lookup: guardLookup(lookup, rules, isPublic) },
    headersTimeout: SILENCE_MILLIS_MAX,
    bodyTimeout: SILENCE_MILLIS_MAX,
    maxResponseSize: ANSWER_BYTES_MAX,
  });
  const call: FetchLike = async (address, init = {}) => {
    const url = new URL(address);
    requirePlainHttp(url);
    rules.refuseLiteral(url, isPublic);
    const answer = await request(url, {
      dispatcher: agent,
      method: init.method === 'POST' || init.method === 'DELETE' ? init.method : 'GET',
      headers: Object.fromEntries(new Headers(init.headers)),
      body: typeof init.body === 'string' ? init.body : null,
      signal: init.signal == null ? signal : AbortSignal.any([signal, init.signal]),
    });
    const { statusCode: status, body } = answer;
    isAnswered = true;
    if (status >= 300 && status < 400 && status !== 304) {
      await body.dump();
      throw new Error(`the server redirects (${status}), and redirects are not followed: give the address that it leads to`);
    }
    const headers = headersOf(answer.headers);
    if (status === 401) challenge = new Response(null, { status, headers });
    // Whoever reads the body hears of it; nobody does once the body was given up, and that must end no program.
    body.on('error', () => undefined);
    // Not `Readable.toWeb`, which goes on to hand over what arrives after the body was given up, and throws where nobody can catch it.
    return new Response(BODILESS.has(status) ? null : ReadableStream.from<Uint8Array>(body), { status, headers });
  };
  // Said here and without its cause, which the SDK would put into words, addresses and all.
  const fetch: FetchLike = (address, init) => call(address, init).catch((error: unknown) => Promise.reject(new Error(complaintOf(error))));
  return { fetch, challenge: () => challenge, hasAnswered: () => isAnswered, close: () => agent.destroy() };
}

/** What a server's metadata names is as little trusted as what an administrator enters. */
function requirePlainHttp(url: URL): void {
  const isHttp = url.protocol === 'http:' || url.protocol === 'https:';
  if (!isHttp || url.username !== '' || url.password !== '') throw new AddressRefused('only http and https without credentials are called');
}

function headersOf(fields: Readonly<Record<string, string | string[] | undefined>>): Headers {
  const headers = new Headers();
  for (const [name, values] of Object.entries(fields)) for (const value of [values ?? []].flat()) headers.append(name, value);
  return headers;
}

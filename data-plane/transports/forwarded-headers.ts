/** The allow-lists of headers in both directions: what is not named here never crosses the gateway. */
import type { IncomingHttpHeaders } from 'node:http';

/** Credentials, Host, Origin, Cookie, length, coding and hop-by-hop headers are missing on purpose (`domain.md`, Upstream auth). */
const REQUEST_HEADERS = ['mcp-protocol-version', 'last-event-id', 'traceparent', 'tracestate', 'baggage', 'accept-language'] as const;
const RESPONSE_HEADERS = ['retry-after', 'mcp-protocol-version', 'last-modified', 'etag'] as const;

/** The caller's headers that go upstream, flat. */
export function forwardedHeaders(headers: IncomingHttpHeaders): string[] {
  const forwarded: string[] = [];
  for (const name of REQUEST_HEADERS) {
    const value = headers[name];
    if (typeof value === 'string') forwarded.push(name, value);
  }
  return forwarded;
}

/** The upstream's headers that reach the caller, flat; content type and session are handled apart. */
export function relayedHeaders(headers: IncomingHttpHeaders): string[] {
  const relayed: string[] = [];
  for (const name of RESPONSE_HEADERS) {
    const value = headers[name];
    if (typeof value === 'string') relayed.push(name, value);
  }
  return relayed;
}

/** The allow-lists of headers in both directions: what is not named here never crosses the gateway. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Era } from '../mcp/protocol-revisions.ts';

/** Credentials, Host, Origin, Cookie, length, coding and hop-by-hop headers are missing on purpose (`domain.md`, Upstream auth). */
const REQUEST_HEADERS = ['mcp-protocol-version', 'traceparent', 'tracestate', 'baggage', 'accept-language'] as const;
/** Streams are taken up again only where there are sessions; only without them do headers repeat the body, and have been held against it. */
const ERA_HEADERS = { legacy: ['last-event-id'], modern: ['mcp-method', 'mcp-name'] } as const satisfies Record<Era, readonly string[]>;
/** Arguments that a tool's schema wants to see in headers: which ones, only client and server know (MCP 2026-07-28). */
export const PARAMETER_PREFIX = 'mcp-param-';
const RESPONSE_HEADERS = ['retry-after', 'mcp-protocol-version', 'last-modified', 'etag'] as const;

/** The caller's headers that go upstream, flat. */
export function forwardedHeaders(headers: IncomingHttpHeaders, era: Era): string[] {
  const forwarded: string[] = [];
  for (const name of REQUEST_HEADERS) push(forwarded, name, headers[name]);
  for (const name of ERA_HEADERS[era]) push(forwarded, name, headers[name]);
  if (era === 'legacy') return forwarded;
  for (const name in headers) if (name.startsWith(PARAMETER_PREFIX)) push(forwarded, name, headers[name]);
  return forwarded;
}

/** The upstream's headers that reach the caller, flat; content type and session are handled apart. */
export function relayedHeaders(headers: IncomingHttpHeaders): string[] {
  const relayed: string[] = [];
  for (const name of RESPONSE_HEADERS) push(relayed, name, headers[name]);
  return relayed;
}

/** The value of a header in a flat list; `name` in lower case, as the lists of this file have it. */
export function headerIn(flat: readonly string[], name: string): string | undefined {
  const index = flat.findIndex((text, at) => at % 2 === 0 && text === name);
  return index === -1 ? undefined : flat[index + 1];
}

/** A flat list without one header. */
export function withoutHeader(flat: readonly string[], name: string): string[] {
  return flat.filter((_text, at) => flat[at - (at % 2)] !== name);
}

function push(flat: string[], name: string, value: string | string[] | undefined): void {
  if (typeof value === 'string') flat.push(name, value);
}

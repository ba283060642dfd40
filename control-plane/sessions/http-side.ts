/** What signing in needs of the HTTP request and its answer: where it comes from, and the cookie. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { HostCookie } from './host-cookie.ts';

/** A page of another origin cannot send it without asking first, and we answer no such question. */
const CSRF_HEADER = 'turnpike-csrf';
const CLIENT_LENGTH_MAX = 200;

export interface HttpSide {
  readonly address: string;
  readonly client: string | null;
  readonly hasCsrfHeader: boolean;
  /** What the session's cookie holds. */
  readonly session: string | undefined;
  keepSession(token: string, expiresAt: Date): void;
  forgetSession(): void;
}

export function httpSide({ headers, socket }: IncomingMessage, response: ServerResponse, cookie: HostCookie): HttpSide {
  return {
    address: socket.remoteAddress ?? 'unknown',
    client: headers['user-agent']?.slice(0, CLIENT_LENGTH_MAX) ?? null,
    hasCsrfHeader: headers[CSRF_HEADER] !== undefined,
    session: cookie.read(headers),
    keepSession: (token, expiresAt) => response.appendHeader('Set-Cookie', cookie.keep(headers, token, expiresAt)),
    forgetSession: () => response.appendHeader('Set-Cookie', cookie.forget(headers)),
  };
}

/** Of a WebSocket, which any page may open: the cookie counts only when the page is of our own origin. */
export function sessionOfSocket(headers: IncomingHttpHeaders, cookie: HostCookie): string | undefined {
  const origin = URL.parse(headers.origin ?? '');
  return origin !== null && origin.host === headers.host ? cookie.read(headers) : undefined;
}

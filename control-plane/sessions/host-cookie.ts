/** A cookie of this host alone: only HTTPS carries it, no script reads it, and no other site's form sends it. */
import type { IncomingHttpHeaders } from 'node:http';

/** The prefix makes browsers insist on `Secure`, on `Path=/` and on no `Domain`, so that no neighbouring host can plant one. */
const PREFIX = '__Host-';
const LOOPBACK_HOST = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/i;

export interface HostCookie {
  /** What the cookie holds; undefined without one. */
  read(headers: IncomingHttpHeaders): string | undefined;
  /** The header that keeps the value in the browser until then. */
  keep(headers: IncomingHttpHeaders, value: string, expiresAt: Date): string;
  forget(headers: IncomingHttpHeaders): string;
}

/**
 * Over plain HTTP some browsers, and curl, keep no `Secure` cookie, not even for the machine they run on. So where plain cookies are allowed,
 * which is in development mode, a request to a name of the machine itself gets one without `Secure`, and therefore without the prefix.
 */
export function hostCookie(name: string, allowsPlain: boolean): HostCookie {
  const isPlain = ({ host }: IncomingHttpHeaders) => allowsPlain && LOOPBACK_HOST.test(host ?? '');
  const header = (headers: IncomingHttpHeaders, value: string, expiresAt: Date) => {
    const [fullName, secure] = isPlain(headers) ? [name, ''] : [PREFIX + name, '; Secure'];
    return `${fullName}=${value}; Path=/; Expires=${expiresAt.toUTCString()}; HttpOnly; SameSite=Lax${secure}`;
  };
  return {
    read: (headers) => valueOf(headers.cookie ?? '', isPlain(headers) ? name : PREFIX + name),
    keep: header,
    forget: (headers) => header(headers, '', new Date(0)),
  };
}

function valueOf(cookies: string, name: string): string | undefined {
  for (const pair of cookies.split(';')) {
    const [given, value] = pair.split('=', 2);
    if (given?.trim() === name && value !== undefined && value.trim() !== '') return value.trim();
  }
  return undefined;
}

/** Domains and hosts in one spelling, whatever tricks a URL plays, and whether a host belongs to a domain. */
import { withoutEnd } from './without-end.ts';

/** `*.` in front says what holds anyway: subdomains belong to a domain. */
const ANY_SUBDOMAIN = /^\*?\./;
const NAME = /^(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
const SCHEME_AND_SLASHES = /^[a-z][a-z0-9+.-]*:[\\/]{2}/i;
/** By who reads URLs. */
const IGNORED = /[\t\n\r]/g;
const WEB_SCHEME = /^(?:https?|wss?|ftp):/i;
const LEADING_SLASHES = /^[\\/]+/;
/** Hosts of URLs have one spelling: four decimal numbers, or groups with colons. */
const ADDRESS = /^\d+(?:\.\d+){3}$|:/;

/** A domain, or an address, as it is configured; undefined for what is neither. */
export function readDomain(text: string): string | undefined {
  const host = hostOf(`https://${text.trim().replace(ANY_SUBDOMAIN, '')}`);
  return host !== undefined && !/[\s/\\@?#]/.test(text.trim()) && (isAddress(host) || NAME.test(host)) ? host : undefined;
}

/**
 * The host that a URL leads to, as browsers read it: in lower case, in ASCII (Punycode), without a last dot, addresses in their usual form. A URL without a
 * scheme is read as one of the web. The empty string for a URL that leads to no host, undefined for what is no URL.
 */
export function hostOf(text: string): string | undefined {
  const trimmed = text.replaceAll(IGNORED, '').trim();
  const isWhole = WEB_SCHEME.test(trimmed) || SCHEME_AND_SLASHES.test(trimmed);
  const url = URL.parse(isWhole ? trimmed : `https://${trimmed.replace(LEADING_SLASHES, '')}`);
  return url === null ? undefined : withoutEnd(url.hostname, /\./).replace(/^\[(.*)\]$/, '$1');
}

export function isAddress(host: string): boolean {
  return ADDRESS.test(host);
}

/** Both as this file spells them. An address has no subdomains. */
export function belongsTo(host: string, domain: string): boolean {
  return host === domain || (!isAddress(host) && host.endsWith(`.${domain}`));
}

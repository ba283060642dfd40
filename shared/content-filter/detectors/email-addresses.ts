/** Finds e-mail addresses, also with letters of other scripts, and where the sign in the middle is written as in a URL. */
import type { Span } from '../span.ts';

const LOCAL_MAX = 64;
const DOMAIN_MAX = 255;
const SIGN = /@|%40/g;
/** Of what may stand there, without what separates addresses from the rest of a URL or a list. */
const LOCAL = /[\w.+'~\-\u00c0-\u1fff]/;
const DOMAIN =
  /^(?:[a-z0-9\u00c0-\u1fff](?:[a-z0-9\-\u00c0-\u1fff]{0,61}[a-z0-9\u00c0-\u1fff])?\.){1,8}(?:[a-z\u00c0-\u1fff]{2,24}|xn--[a-z0-9-]{2,59})(?![a-z0-9])/i;
/** Pictures for fine screens are called so (`icon@2x.png`). */
const FILE_NAME = /\.(?:png|jpe?g|gif|svg|webp|avif|icns?|css|js)$/i;

export function emailAddressesIn(text: string): Span[] {
  const spans: Span[] = [];
  let behind = 0;
  for (const { 0: sign, index } of text.matchAll(SIGN)) {
    const start = startOfLocal(text, index, behind);
    const domain = start === index ? undefined : domainAt(text, index + sign.length);
    if (domain === undefined) continue;
    behind = index + sign.length + domain.length;
    spans.push({ start, end: behind });
  }
  return spans;
}

/** An address does not begin inside of the one before. */
function startOfLocal(text: string, sign: number, behind: number): number {
  let at = sign;
  const least = Math.max(behind, sign - LOCAL_MAX);
  while (at > least && LOCAL.test(text.charAt(at - 1))) at--;
  return at;
}

function domainAt(text: string, from: number): string | undefined {
  const domain = DOMAIN.exec(text.slice(from, from + DOMAIN_MAX))?.[0];
  return domain === undefined || FILE_NAME.test(domain) ? undefined : domain;
}

/** Finds the links in a text, and the hosts that they lead to, in time that grows with the text alone. */
import type { Span } from '../../shared/content-filter/span.ts';
import { hostOf } from '../../shared/domain-names.ts';
import { withoutEnd } from '../../shared/without-end.ts';

const LINK = /https?:[\\/]*[^\s"'<>`]+/gi;
const LINK_START = /https?:[\\/]*/gi;
const AUTHORITY_END = /[\s"'<>`\\/?#]/g;
/** In characters, with a port. Nothing longer is a name (RFC 1035 section 2.3.4), also where each of its bytes is percent-encoded. */
const HOST_LENGTH_MAX = 1024;
/** Behind a link in a sentence or in Markdown. */
const TRAILING = /[.,;:!?)\]}*]/;

/** The links in a text, each with its host. One that stands in another is a part of that. */
export function linksIn(text: string): (Span & { readonly host: string })[] {
  return [...text.matchAll(LINK)].flatMap(({ 0: link, index }) => {
    const url = withoutTrail(link);
    const host = hostOf(url);
    return host === undefined || host === '' ? [] : [{ start: index, end: index + url.length, host }];
  });
}

/** What follows the scheme of each link up to its path, without the user: a host and its port, of links that stand in others too. */
export function hostTextsIn(text: string): Set<string> {
  const found = new Set<string>();
  let [end, user] = [0, -1];
  for (const { 0: start, index } of text.matchAll(LINK_START)) {
    const from = index + start.length;
    // A link that begins before the path of another one ends with it as well.
    if (from > end) {
      end = endOfAuthority(text, from);
      user = from + text.slice(from, end).lastIndexOf('@');
    }
    const at = Math.max(from, user + 1);
    if (at < end && end - at <= HOST_LENGTH_MAX) found.add(isFollowed(text, end) ? text.slice(at, end) : withoutTrail(text.slice(at, end)));
  }
  return found;
}

function endOfAuthority(text: string, from: number): number {
  AUTHORITY_END.lastIndex = from;
  return AUTHORITY_END.exec(text)?.index ?? text.length;
}

/** Whether the link goes on there: what stands before is then no sign of the sentence around it. */
function isFollowed(text: string, end: number): boolean {
  return '\\/?#'.includes(text.charAt(end)) && end < text.length;
}

/** An address of IPv6 keeps its bracket. */
function withoutTrail(link: string): string {
  const url = withoutEnd(link, TRAILING);
  return link.startsWith(']', url.length) && url.lastIndexOf('[') > url.lastIndexOf(']') ? `${url}]` : url;
}

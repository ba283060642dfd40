/** Finds the hosts that the arguments of a tool call lead to. */
import { visibleText } from '../../shared/content-filter/fold-text.ts';
import { textsIn } from '../../shared/content-filter/judged-text.ts';
import { hostOf } from '../../shared/domain-names.ts';
import { hostTextsIn } from './web-links.ts';

/** Names of arguments without their case, hyphens and underscores, whose values are addresses of the web. */
const URL_LABELS: ReadonlySet<string> = new Set([
  'url',
  'urls',
  'uri',
  'uris',
  'link',
  'links',
  'href',
  'website',
  'websites',
  'webpage',
  'pageurl',
  'starturl',
  'targeturl',
]);
/** Those whose values are domains, of which one value may name several. */
const DOMAIN_LABELS: ReadonlySet<string> = new Set([
  'domain',
  'domains',
  'site',
  'sites',
  'host',
  'hosts',
  'hostname',
  'includedomains',
  'includedomain',
  'alloweddomains',
  'includesites',
  'sitefilter',
  'domainfilter',
  'searchdomainfilter',
]);
/** Those that take something out of a search: nothing to judge. */
const EXCLUDING_LABELS: ReadonlySet<string> = new Set(['excludedomains', 'excludedomain', 'blockeddomains', 'excludesites', 'excludedsites']);
/** How a query asks for a domain; behind a hyphen, it asks for any other. */
const OPERATOR = /(?<![\w-])(?:site|domain|related|cache):"?([^\s"()|,]+)/gi;
/** Whoever has its exceptions begin with a hyphen excludes them. */
const EXCLUDED = /^[-!]/;

/** The host of each place on the web that the arguments name, the empty string for one that is on none. */
export function hostsIn(callArguments: unknown): Set<string> {
  const hosts = new Set<string>();
  const add = (url: string) => {
    const host = hostOf(url);
    if (host !== undefined) hosts.add(host);
  };
  for (const { text, label, role } of textsIn(callArguments)) {
    if (role !== 'VALUE') continue;
    const name = visibleText(label)
      .replaceAll(/[-_\s]/g, '')
      .toLowerCase();
    if (EXCLUDING_LABELS.has(name)) continue;
    const visible = visibleText(text);
    if (URL_LABELS.has(name)) for (const url of visible.trim().split(/\s+/)) add(url);
    else if (DOMAIN_LABELS.has(name)) for (const domain of domainsAskedFor(text)) add(domain.replace(/^\*\./, ''));
    for (const [, domain = ''] of visible.matchAll(OPERATOR)) add(domain.replace(/^\*\./, ''));
    // A link may stand in another, as the place that a proxy or a redirection is asked for.
    for (const spelling of new Set([visible, percentDecoded(visible)])) for (const host of hostTextsIn(spelling)) add(`https://${host}`);
  }
  return hosts;
}

/** The domains that such a value names, without those that it takes out of the search. */
export function domainsAskedFor(text: string): string[] {
  return visibleText(text)
    .split(/[\s,;|]+/)
    .filter((domain) => domain !== '' && !EXCLUDED.test(domain));
}

/** What is no encoding stays as it is written. */
function percentDecoded(text: string): string {
  return text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (encoded) => Buffer.from(encoded.replaceAll('%', ''), 'hex').toString('utf8'));
}

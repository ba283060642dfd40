/** The web-search policy of a server, made ready: whether a host may be asked for or shown. */
import { belongsTo, isAddress } from '../../shared/domain-names.ts';
import type { McpServer } from '../../shared/mcp-server.ts';
import type { SearchTool, WebSearchPolicy } from '../../shared/web-search.ts';

/** Why a host is refused, and by which rule. */
export interface HostObjection {
  readonly why: 'is blocked' | 'is not among the allowed domains' | 'is an address and not a listed one';
  readonly list: 'allowedDomains' | 'blockedDomains';
  /** The domain that is blocked; the name of the list for what is not on it. */
  readonly rule: string;
}

export interface CompiledWebSearch {
  readonly policy: WebSearchPolicy;
  /** By name. */
  readonly tools: ReadonlyMap<string, SearchTool>;
  /** Undefined for a host that may be asked for. */
  objectionTo(host: string): HostObjection | undefined;
}

export function compileWebSearch({ webSearchPolicy, searchTools }: Pick<McpServer, 'webSearchPolicy' | 'searchTools'>): CompiledWebSearch | undefined {
  if (webSearchPolicy === null) return undefined;
  const { allowedDomains, blockedDomains } = webSearchPolicy;
  return {
    policy: webSearchPolicy,
    tools: new Map(searchTools.map((tool) => [tool.name, tool])),
    objectionTo: (host) => {
      const blocked = blockedDomains.find((domain) => belongsTo(host, domain));
      if (blocked !== undefined) return { why: 'is blocked', list: 'blockedDomains', rule: blocked };
      if (allowedDomains.some((domain) => belongsTo(host, domain))) return undefined;
      if (allowedDomains.length > 0) return { why: 'is not among the allowed domains', list: 'allowedDomains', rule: 'allowedDomains' };
      // Whose address it is, nobody knows: it might be that of a blocked domain.
      if (isAddress(host) && blockedDomains.length > 0) return { why: 'is an address and not a listed one', list: 'blockedDomains', rule: 'blockedDomains' };
      return undefined;
    },
  };
}

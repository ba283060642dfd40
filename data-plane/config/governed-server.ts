/** A server with its rules made ready: compiled once when the configuration changes, asked at every request. */
import type { McpServer } from '../../shared/mcp-server.ts';
import type { EffectiveLimits } from '../../shared/server-limits.ts';
import type { Price } from '../../shared/pricing.ts';
import type { CompiledFilter } from '../../shared/content-filter/compiled-filter.ts';
import type { CompiledPins } from '../guardrails/tool-pins.ts';
import type { CompiledWebSearch } from '../guardrails/web-search.ts';
import type { ServerSighting } from '../reports/server-sighting.ts';
import type { ToolRules } from '../../shared/tool-rules.ts';

export interface GovernedServer {
  readonly config: McpServer;
  readonly toolRules: ToolRules;
  readonly toolPins: CompiledPins;
  readonly filter: CompiledFilter | undefined;
  /** Undefined for a server that does not search the web. */
  readonly webSearch: CompiledWebSearch | undefined;
  readonly limits: EffectiveLimits;
  /** The unit prices of a method and tool; `NO_PRICE` for what is not priced. */
  priceOf(method: string | undefined, tool: string | undefined): Price;
  /** Headers that authenticate Turnpike to the upstream, flat; opened secrets, so never logged. */
  readonly upstreamAuthHeaders: readonly string[];
  /** Who calls decides how Turnpike signs in, so that nothing is sent before `upstream-auth/` has made this a server with a `holder`. */
  readonly needsCredentials?: boolean;
  /** Whose credentials the headers are, where that is not the configuration alone: nothing that was opened with those of one serves another. */
  readonly holder?: string;
  /** What calls of it show; the same object in every form that the server takes. */
  readonly sighting: ServerSighting;
  /** Opened environment of a STDIO server. */
  readonly stdioEnv: Readonly<Record<string, string>>;
}

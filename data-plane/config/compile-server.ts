/** Makes a server's rules ready: opens its secrets, compiles its lists and its filter, and prepares its prices. */
import { stdioEnvField, type McpServer } from '../../shared/mcp-server.ts';
import { NO_PRICE, toPrice, type Price, type Pricing } from '../../shared/pricing.ts';
import type { SecretSealer } from '../../shared/sealed-secret.ts';
import { authHeadersOf, openVariable } from '../../shared/server-credentials.ts';
import { effectiveLimits } from '../../shared/server-limits.ts';
import { compileToolPins } from '../guardrails/tool-pins.ts';
import { compileWebSearch } from '../guardrails/web-search.ts';
import { ServerSighting } from '../reports/server-sighting.ts';
import { compileToolRules } from '../../shared/tool-rules.ts';
import { compileOwnFilter } from './compile-own-filter.ts';
import { ConfigFault } from './config-fault.ts';
import type { GovernedServer } from './governed-server.ts';

/** `previous` is the server's older form, if there is one. Throws a `ConfigFault` when a secret does not open or a pattern does not compile. */
export function compileServer(config: McpServer, sealer: SecretSealer, previous?: GovernedServer): GovernedServer {
  return {
    config,
    toolRules: compileToolRules(config),
    toolPins: compileToolPins(config, previous?.toolPins.drifts),
    filter: compileOwnFilter(`mcpServer ${config.id}`, config.semanticFilter),
    webSearch: compileWebSearch(config),
    limits: effectiveLimits(config),
    priceOf: compilePricing(config.pricing),
    needsCredentials: config.auth.type === 'OAUTH2' || config.auth.type === 'OAUTH2_PASSTHROUGH',
    sighting: previous?.sighting ?? new ServerSighting(),
    upstreamAuthHeaders: located(config, 'auth', () => authHeadersOf(config, sealer)),
    stdioEnv: Object.fromEntries(
      Object.entries(config.stdioEnv).map(([name, sealed]) => [
        name,
        located(config, stdioEnvField(name), () => openVariable(config, name, { sealed, sealer })),
      ]),
    ),
  };
}

/** What is wrong with a secret never quotes it. */
function located<Compiled>(config: McpServer, path: string, compile: () => Compiled): Compiled {
  try {
    return compile();
  } catch (cause) {
    const detail = cause instanceof Error ? `: ${cause.message}` : '';
    throw new ConfigFault(`mcpServer ${config.id}: ${path} cannot be used${detail}`, { cause });
  }
}

function compilePricing(pricing: Pricing): GovernedServer['priceOf'] {
  const isEverythingPriced = pricing.pricedMethods.includes('*');
  const pricedMethods = new Set(pricing.pricedMethods);
  const ofServer = toPrice(pricing, false);
  const ofTools = new Map<string, Price>(Object.entries(pricing.toolOverrides).map(([tool, prices]) => [tool, toPrice(prices, true)]));
  return (method, tool) => {
    if (!isEverythingPriced && (method === undefined || !pricedMethods.has(method))) return NO_PRICE;
    return (tool === undefined ? undefined : ofTools.get(tool)) ?? ofServer;
  };
}

/** Makes a server's rules ready: opens its secrets, compiles its lists and its filter, and prepares its prices. */
import { AUTH_SECRET_FIELDS, stdioEnvField, type McpServer, type UpstreamAuth } from '../../shared/mcp-server.ts';
import { NO_PRICE, toPrice, type Price, type Pricing } from '../../shared/pricing.ts';
import type { SealedSecret, SecretSealer } from '../../shared/sealed-secret.ts';
import { effectiveLimits } from '../../shared/server-limits.ts';
import { compileFilter } from '../guardrails/semantic-filter.ts';
import { compileToolRules } from '../guardrails/tool-rules.ts';
import { ConfigFault } from './config-fault.ts';
import type { GovernedServer } from './governed-server.ts';

/** Throws a `ConfigFault` when a secret does not open or a pattern does not compile. */
export function compileServer(config: McpServer, sealer: SecretSealer): GovernedServer {
  const { semanticFilter } = config;
  return {
    config,
    toolRules: compileToolRules(config),
    filter: semanticFilter === null ? undefined : located(config, 'semanticFilter', () => compileFilter(semanticFilter)),
    limits: effectiveLimits(config),
    priceOf: compilePricing(config.pricing),
    upstreamAuthHeaders: located(config, 'auth', () => authHeadersOf(config, config.auth, sealer)),
    stdioEnv: Object.fromEntries(Object.entries(config.stdioEnv).map(([name, sealed]) => [name, openVariable(config, name, { sealed, sealer })])),
  };
}

function openVariable(config: McpServer, name: string, { sealed, sealer }: { sealed: SealedSecret; sealer: SecretSealer }): string {
  const field = stdioEnvField(name);
  return located(config, field, () => sealer.open(sealed, placeOf(config, field)));
}

/** What is wrong with a secret never quotes it; what is wrong with a pattern does, so that goes to this node's log alone. */
function located<Compiled>(config: McpServer, path: string, compile: () => Compiled): Compiled {
  try {
    return compile();
  } catch (cause) {
    const detail = path === 'semanticFilter' || !(cause instanceof Error) ? '' : `: ${cause.message}`;
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

function authHeadersOf(config: McpServer, auth: UpstreamAuth, sealer: SecretSealer): readonly string[] {
  switch (auth.type) {
    case 'NONE':
      return [];
    case 'BEARER':
      return ['authorization', `Bearer ${sealer.open(auth.token, placeOf(config, AUTH_SECRET_FIELDS.BEARER))}`];
    case 'BASIC': {
      const password = sealer.open(auth.password, placeOf(config, AUTH_SECRET_FIELDS.BASIC));
      return ['authorization', `Basic ${Buffer.from(`${auth.username}:${password}`).toString('base64')}`];
    }
    case 'API_KEY':
      return [auth.header.toLowerCase(), sealer.open(auth.value, placeOf(config, AUTH_SECRET_FIELDS.API_KEY))];
  }
}

function placeOf(config: McpServer, field: string) {
  return { organisationId: config.organisationId, ownerId: config.id, field };
}

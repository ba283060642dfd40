/** What a server's settings must be, whoever sets them: read once, into what is stored. */
import { z } from 'zod';
import { requireAffordablePatterns } from '../../shared/filter-patterns.ts';
import { slugSchema, type Transport } from '../../shared/mcp-server.ts';
import { parseUsdPerMillion } from '../../shared/nanos-usd.ts';
import { FREE, type Pricing, type UnitPrices } from '../../shared/pricing.ts';
import { semanticFilterSchema, type SemanticFilter } from '../../shared/semantic-filter.ts';
import type { StdioAllowlist } from '../../shared/stdio-allowlist.ts';
import { parseInput, refuseInput } from '../graphql/input-refused.ts';
import { slugOf } from '../graphql/slug.ts';

export interface PricesInput {
  readonly usdPerMillionCalls?: string | null;
  readonly usdPerMillionInputBytes?: string | null;
  readonly usdPerMillionOutputBytes?: string | null;
}

export interface PricingInput extends PricesInput {
  readonly pricedMethods?: readonly string[] | null;
  readonly toolOverrides?: readonly (PricesInput & { readonly tool: string })[] | null;
}

export interface SemanticFilterInput {
  readonly blockedKeywords?: readonly string[] | null;
  readonly blockedPatterns?: readonly string[] | null;
  readonly applyTo?: readonly string[] | null;
  readonly action?: string | null;
}

/** Where a server is; the half that its transport does not use stays null. */
export interface Reach {
  readonly transport: Transport;
  readonly endpointUrl: string | null;
  readonly stdioCommand: string | null;
  readonly stdioArgs: readonly string[];
  readonly envNames: readonly string[];
}

const nameSchema = z.string().trim().min(1).max(200);
const toolNamesSchema = z.array(z.string().min(1).max(128)).max(1000);
const methodsSchema = z.array(z.string().min(1).max(128)).max(64);
const stdioSchema = z.object({ command: z.string().min(1).max(4096), args: z.array(z.string().max(4096)).max(64) });

export function readName(name: string): string {
  return parseInput(nameSchema, name, ['name']);
}

export function readSlug(slug: string | null, name: string): string {
  return parseInput(slugSchema, slug ?? slugOf(name), ['slug']);
}

export function readToolNames(names: readonly string[], field: string): string[] {
  return parseInput(toolNamesSchema, [...new Set(names)], [field]);
}

/** HTTP needs an endpoint, STDIO a command that the operator allows. */
export function requireReach(reach: Reach, allowlist: StdioAllowlist): void {
  if (reach.transport === 'SSE') throw refuseInput(['transport'], 'INVALID', 'the SSE transport of 2024-11-05 is not served', 'use STREAMABLE_HTTP, which most servers offer as well');
  if (reach.transport === 'STDIO') return requireLaunch(reach, allowlist);
  if (reach.endpointUrl === null) throw refuseInput(['endpointUrl'], 'REQUIRED', 'a server that is reached over HTTP needs its endpointUrl');
  const url = URL.parse(reach.endpointUrl);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) throw refuseInput(['endpointUrl'], 'INVALID', 'endpointUrl must be an http or https URL');
  if (url.username !== '' || url.password !== '') throw refuseInput(['endpointUrl'], 'INVALID', 'endpointUrl must not hold credentials', 'use setServerAuth');
}

function requireLaunch(reach: Reach, allowlist: StdioAllowlist): void {
  if (reach.stdioCommand === null) throw refuseInput(['stdioCommand'], 'REQUIRED', 'a STDIO server needs its stdioCommand');
  const { command, args } = parseInput(stdioSchema, { command: reach.stdioCommand, args: reach.stdioArgs });
  const objection = allowlist.objectionTo({ command, args, envNames: reach.envNames });
  if (objection === undefined) return;
  throw refuseInput(['stdioCommand'], 'STDIO_NOT_ALLOWED', objection, 'the operator lists what may run in the file that TURNPIKE_STDIO_ALLOWLIST names, for both planes');
}

/** Prices of what is not named stay as they are. */
export function readPricing(input: PricingInput, current: Pricing = FREE): Pricing {
  const overrides = input.toolOverrides?.map((override) => [override.tool, readPrices(override, FREE)] as const);
  return {
    ...readPrices(input, current),
    pricedMethods: input.pricedMethods == null ? current.pricedMethods : parseInput(methodsSchema, input.pricedMethods, ['pricing', 'pricedMethods']),
    toolOverrides: overrides === undefined ? current.toolOverrides : Object.fromEntries(overrides),
  };
}

function readPrices(input: PricesInput, current: UnitPrices): UnitPrices {
  return {
    callFemtosUsd: readPrice(input.usdPerMillionCalls, current.callFemtosUsd, 'usdPerMillionCalls'),
    inputByteFemtosUsd: readPrice(input.usdPerMillionInputBytes, current.inputByteFemtosUsd, 'usdPerMillionInputBytes'),
    outputByteFemtosUsd: readPrice(input.usdPerMillionOutputBytes, current.outputByteFemtosUsd, 'usdPerMillionOutputBytes'),
  };
}

function readPrice(text: string | null | undefined, current: string, field: string): string {
  if (text == null) return current;
  const femtos = parseUsdPerMillion(text);
  if (femtos === undefined) throw refuseInput(['pricing', field], 'INVALID', 'a price is a decimal such as "0.50", with at most nine decimals');
  return String(femtos);
}

export function readSemanticFilter(input: SemanticFilterInput): SemanticFilter {
  if (input.action === 'REDACT') throw refuseInput(['semanticFilter', 'action'], 'INVALID', 'what is redacted would no longer be what was judged', 'use BLOCK or OBSERVE');
  const filter = parseInput(
    semanticFilterSchema,
    { blockedKeywords: input.blockedKeywords ?? [], blockedPatterns: input.blockedPatterns ?? [], applyTo: input.applyTo ?? ['REQUEST'], action: input.action ?? 'BLOCK' },
    ['semanticFilter'],
  );
  requireLinearTime(filter.blockedPatterns);
  return filter;
}

function requireLinearTime(patterns: readonly string[]): void {
  try {
    requireAffordablePatterns(patterns);
  } catch (error) {
    const why = error instanceof Error ? error.message : '';
    throw refuseInput(['semanticFilter', 'blockedPatterns'], 'PATTERN_UNSAFE', `not patterns that run in linear time: ${why}`, 'RE2 syntax has no look-around and no back-references');
  }
}

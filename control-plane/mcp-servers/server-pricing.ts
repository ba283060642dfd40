/** Reads prices as people enter them, USD per million, into the exact unit prices that are stored. */
import { z } from 'zod';
import { parseUsdPerMillion } from '../../shared/nanos-usd.ts';
import { FREE, type Pricing, type UnitPrices } from '../../shared/pricing.ts';
import { parseInput, refuseInput } from '../graphql/input-refused.ts';
import { toolNamesSchema } from './server-rules.ts';

export interface PricesInput {
  readonly usdPerMillionCalls?: string | null;
  readonly usdPerMillionInputBytes?: string | null;
  readonly usdPerMillionOutputBytes?: string | null;
}

export interface PricingInput extends PricesInput {
  readonly pricedMethods?: readonly string[] | null;
  readonly toolOverrides?: readonly (PricesInput & { readonly tool: string })[] | null;
}

const AT = ['pricing'];
const methodsSchema = z.array(z.string().min(1).max(128)).max(64);

/** Prices of what is not named stay as they are. */
export function readPricing(input: PricingInput, current: Pricing = FREE): Pricing {
  return {
    ...readPrices(input, current, AT),
    pricedMethods: input.pricedMethods == null ? current.pricedMethods : parseInput(methodsSchema, input.pricedMethods, [...AT, 'pricedMethods']),
    toolOverrides: input.toolOverrides == null ? current.toolOverrides : readOverrides(input.toolOverrides),
  };
}

function readOverrides(overrides: NonNullable<PricingInput['toolOverrides']>): Pricing['toolOverrides'] {
  const at = [...AT, 'toolOverrides'];
  const tools = parseInput(
    toolNamesSchema,
    overrides.map(({ tool }) => tool),
    at,
  );
  if (new Set(tools).size < tools.length) throw refuseInput(at, 'INVALID', 'a tool is named twice');
  return Object.fromEntries(overrides.map((override, index) => [override.tool, readPrices(override, FREE, [...at, String(index)])]));
}

function readPrices(input: PricesInput, current: UnitPrices, at: readonly string[]): UnitPrices {
  return {
    callFemtosUsd: readPrice(input.usdPerMillionCalls, current.callFemtosUsd, [...at, 'usdPerMillionCalls']),
    inputByteFemtosUsd: readPrice(input.usdPerMillionInputBytes, current.inputByteFemtosUsd, [...at, 'usdPerMillionInputBytes']),
    outputByteFemtosUsd: readPrice(input.usdPerMillionOutputBytes, current.outputByteFemtosUsd, [...at, 'usdPerMillionOutputBytes']),
  };
}

function readPrice(text: string | null | undefined, current: string, field: readonly string[]): string {
  if (text == null) return current;
  const femtos = parseUsdPerMillion(text);
  if (femtos === undefined) throw refuseInput(field, 'INVALID', 'a price is a decimal such as "0.50", with at most nine decimals');
  return String(femtos);
}

/** What a call costs: unit prices of a server or a tool, and the exact sum for bytes in and out. */
import { z } from 'zod';
import { roundToNanos, roundedFemtosMax } from './nanos-usd.ts';

const femtosUsd = z.string().regex(/^\d{1,21}$/);

/** Unit prices in femto-USD as decimal strings, since JSON has no exact integers of that size. */
export const unitPricesSchema = z.strictObject({
  callFemtosUsd: femtosUsd,
  inputByteFemtosUsd: femtosUsd,
  outputByteFemtosUsd: femtosUsd,
});
export type UnitPrices = z.infer<typeof unitPricesSchema>;

export const pricingSchema = z.strictObject({
  ...unitPricesSchema.shape,
  /** JSON-RPC methods that cost something; `*` prices every request. */
  pricedMethods: z.array(z.string().min(1).max(128)).max(64),
  /** A tool that is listed here is priced by its own row alone. */
  toolOverrides: z.record(z.string(), unitPricesSchema),
});
export type Pricing = z.infer<typeof pricingSchema>;

export const FREE: Pricing = {
  callFemtosUsd: '0',
  inputByteFemtosUsd: '0',
  outputByteFemtosUsd: '0',
  pricedMethods: ['tools/call'],
  toolOverrides: {},
};

/** Unit prices ready for arithmetic. */
export interface Price {
  readonly callFemtosUsd: bigint;
  readonly inputByteFemtosUsd: bigint;
  readonly outputByteFemtosUsd: bigint;
  /** Whether a tool's own row applied rather than the server's. */
  readonly isOverride: boolean;
}

export const NO_PRICE: Price = { callFemtosUsd: 0n, inputByteFemtosUsd: 0n, outputByteFemtosUsd: 0n, isOverride: false };

export function toPrice(prices: UnitPrices, isOverride: boolean): Price {
  return {
    callFemtosUsd: BigInt(prices.callFemtosUsd),
    inputByteFemtosUsd: BigInt(prices.inputByteFemtosUsd),
    outputByteFemtosUsd: BigInt(prices.outputByteFemtosUsd),
    isOverride,
  };
}

/** The cost in nano-USD, rounded half up once, at the end (`domain.md`, Money). */
export function costOf(price: Price, inputBytes: number, outputBytes: number): bigint {
  return roundToNanos(price.callFemtosUsd + BigInt(inputBytes) * price.inputByteFemtosUsd + BigInt(outputBytes) * price.outputByteFemtosUsd);
}

/** The longest answer that costs no more than so many nanos, together with the call and its input; negative when those alone cost more. */
export function outputBytesFor(price: Price, inputBytes: number, nanosUsd: bigint): number {
  const leftFemtosUsd = roundedFemtosMax(nanosUsd) - price.callFemtosUsd - BigInt(inputBytes) * price.inputByteFemtosUsd;
  if (leftFemtosUsd < 0n) return -1;
  return price.outputByteFemtosUsd === 0n ? Infinity : Number(leftFemtosUsd / price.outputByteFemtosUsd);
}

/** Says for how many calls like this one room may be held at once, and which record stands for them if their node is lost. */
import type { LimitMetric } from '../../shared/limit.ts';
import { costOf, type Price } from '../../shared/pricing.ts';
import type { AheadTerms } from '../counters/counters.ts';
import type { Exchange } from '../exchange.ts';
import type { Trail } from '../trail.ts';
import { eventHead, unknownEnding } from '../usage/usage-event-json.ts';
import type { PlannedLimit } from './planned-holds.ts';

export interface AheadParts {
  readonly nodeName: string;
  readonly exchange: Exchange;
  readonly trail: Trail;
  readonly price: Price;
  readonly limits: readonly PlannedLimit[];
  readonly calls: number;
}

/** Undefined where each call holds by itself. */
export function aheadTermsOf({ nodeName, exchange, trail, price, limits, calls }: AheadParts): AheadTerms | undefined {
  if (calls === 1) return undefined;
  return {
    calls,
    // What no limit counts is told as of the one call.
    intentFor: (heldAmounts) => {
      const held = (metric: LimitMetric) => heldAmounts[limits.findIndex(({ limit }) => limit.metric === metric)];
      const inputBytes = held('INPUT_BYTES') ?? trail.inputBytes;
      const cost = held('NANO_USD') ?? costOf(price, trail.inputBytes, 0);
      return eventHead(nodeName, exchange, trail, price, inputBytes) + unknownEnding(BigInt(cost), held('OUTPUT_BYTES') ?? 0, trail);
    },
  };
}

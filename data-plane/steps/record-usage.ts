/** Step 17: tells the whole request as one usage event; refusals and failures too. */
import { NO_PRICE } from '../../shared/pricing.ts';
import type { Refusal } from '../../shared/refusal.ts';
import type { Outcome, SpendHold } from '../evidence.ts';
import type { Exchange } from '../exchange.ts';
import type { Gateway } from '../gateway.ts';
import type { Trail } from '../trail.ts';
import { attributeKey } from './authenticate-key.ts';
import { costOfEnding, eventEnding, eventHead } from '../usage/usage-event-json.ts';

export interface EndingEvent {
  readonly json: string;
  readonly costNanosUsd: bigint;
  readonly latencyMillis: number;
}

export function recordUsage(gateway: Gateway, exchange: Exchange, trail: Trail, hold: SpendHold | undefined, ending: Outcome | Refusal): EndingEvent {
  if (trail.key === undefined && trail.keyPrefix === undefined) attributeKey(gateway, exchange, trail);
  const latencyMillis = gateway.clock.elapsed() - exchange.startedAt;
  const costNanosUsd = costOfEnding(hold, ending);
  const head = hold?.eventHead ?? eventHead(gateway.nodeName, exchange, trail, NO_PRICE);
  return { json: head + eventEnding(ending, trail, latencyMillis, costNanosUsd), costNanosUsd, latencyMillis };
}

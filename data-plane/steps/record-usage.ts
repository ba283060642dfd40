/** Step 17: tells the whole request as one usage event; refusals and failures too. */
import { NO_PRICE } from '../../shared/pricing.ts';
import { Refusal } from '../../shared/refusal.ts';
import type { Outcome, SpendHold } from '../evidence.ts';
import type { Exchange } from '../exchange.ts';
import type { Gateway } from '../gateway.ts';
import type { Trail } from '../trail.ts';
import { attributeKey } from './authenticate-key.ts';
import { listens } from '../mcp/revision-claims.ts';
import { ruleOf } from '../policies/rule-references.ts';
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
  observeAnswer(trail, ending);
  return { json: head + eventEnding(ending, trail, latencyMillis, costNanosUsd), costNanosUsd, latencyMillis };
}

/** A stream that only listens has no end by size, so no rule would have cut it. */
function observeAnswer(trail: Trail, ending: Outcome | Refusal): void {
  const rule = trail.plan?.observed?.responseBytes;
  if (rule === undefined || ending instanceof Refusal || ending.outputBytes <= rule.bytesMax || listens(trail.rpc?.call)) return;
  trail.observe(
    new Refusal('upstream_error', 'response_too_large', `the answer is larger than ${rule.bytesMax} bytes`, { limit: rule.bytesMax, rule: ruleOf(rule) }),
  );
}

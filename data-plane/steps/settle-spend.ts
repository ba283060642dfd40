/** Step 16: replaces what was held by what was used, releases the lease and hands over the event, in one atomic call that nobody waits for. */
import { Refusal } from '../../shared/refusal.ts';
import type { Outcome, SpendHold } from '../evidence.ts';
import type { Gateway } from '../gateway.ts';
import { amountsOf } from '../policies/spend-estimate.ts';
import type { Trail } from '../trail.ts';
import { isFailureOfServer } from '../usage/usage-event-json.ts';
import type { EndingEvent } from './record-usage.ts';

export function settleSpend(gateway: Gateway, trail: Trail, hold: SpendHold | undefined, ending: Outcome | Refusal, event: EndingEvent): void {
  if (hold === undefined) {
    gateway.counters.record(trail.key?.organisationId ?? null, event.json);
    return;
  }
  gateway.leases.forget(hold.keptAt);
  const { admission } = hold;
  const failed = admission.loops === undefined ? undefined : hasFailed(ending);
  const settlement = { admission, amounts: amountsUsed(trail, hold, ending, event), event: event.json, failed };
  gateway.counters.settle(settlement);
  if (hold.store === gateway.counters) return;
  // Admitted while the shared counters were away: they may never have heard of the call, so its record joins the stream by itself.
  hold.store.settle(settlement);
  gateway.counters.record(hold.admission.organisationId, event.json);
}

function amountsUsed(trail: Trail, hold: SpendHold, ending: Outcome | Refusal, event: EndingEvent): readonly number[] {
  if (hold.limits.length === 0 || trail.rpc === undefined) return [];
  const outputBytes = ending instanceof Refusal ? 0 : ending.outputBytes;
  const isError = ending instanceof Refusal || ending.failure !== undefined || ending.isToolError;
  const { costNanosUsd, latencyMillis } = event;
  const used = amountsOf(trail.rpc, { costNanosUsd, inputBytes: hold.inputBytes, outputBytes, isError, latencyMillis });
  return hold.limits.map(({ limit }) => used[limit.metric]);
}

/** Whether the tool or its server failed. Undefined where that is not known: the caller left, or the gateway itself ended the answer. */
function hasFailed(ending: Outcome | Refusal): boolean | undefined {
  if (ending instanceof Refusal) return undefined;
  const { failure, isToolError } = ending;
  if (failure === undefined) return isToolError;
  return isFailureOfServer(failure.code) ? true : undefined;
}

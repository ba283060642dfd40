/** The one path that every MCP request takes, as one list: 1–13 admit it, 14 forwards it, 15–17 close the books. */
import { asRefusal, type Refusal } from '../shared/refusal.ts';
import type { Outcome, RateTicket, Slot, SpendHold } from './evidence.ts';
import type { Exchange } from './exchange.ts';
import type { Gateway } from './gateway.ts';
import { applyToolRules } from './steps/apply-tool-rules.ts';
import { allowMethod } from './steps/allow-method.ts';
import { assignRequestId } from './steps/assign-request-id.ts';
import { authenticateKey } from './steps/authenticate-key.ts';
import { checkAccessGrant } from './steps/check-access-grant.ts';
import { checkAvailability } from './steps/check-availability.ts';
import { enforcePolicy } from './steps/enforce-policy.ts';
import { enterConcurrency } from './steps/enter-concurrency.ts';
import { extractRpc } from './steps/extract-rpc.ts';
import { limitBeforeAuth } from './steps/limit-before-auth.ts';
import { proxyUpstream } from './steps/proxy-upstream.ts';
import { reconcileRateLimit } from './steps/reconcile-rate-limit.ts';
import { recordUsage } from './steps/record-usage.ts';
import { requireEnabled } from './steps/require-enabled.ts';
import { reserveSpend } from './steps/reserve-spend.ts';
import { resolveServer } from './steps/resolve-server.ts';
import { settleSpend } from './steps/settle-spend.ts';
import type { Trail } from './trail.ts';

/**
 * A step says no by throwing a Refusal. What a step returns is the evidence that a later step asks for, so a step cannot be
 * dropped or moved ahead of what it relies on without a compile error. Answers the outcome, or the refusal that the caller
 * still has to be told. Never throws.
 */
export async function accessFlow(gateway: Gateway, exchange: Exchange, trail: Trail, forward = proxyUpstream): Promise<Outcome | Refusal> {
  let slot: Slot | undefined;
  let ticket: RateTicket | undefined;
  let hold: SpendHold | undefined;
  let ending: Outcome | Refusal;
  try {
    slot = trail.at(enterConcurrency)(gateway); //                                       1
    trail.at(allowMethod)(exchange); //                                                  2
    const snapshot = trail.at(checkAvailability)(gateway); //                            3  one snapshot for the whole request
    trail.at(assignRequestId)(exchange, trail); //                                       4
    trail.at(limitBeforeAuth)(gateway, snapshot, exchange); //                           5  before any key lookup, so guessing is slow
    const key = trail.at(authenticateKey)(gateway, snapshot, exchange, trail); //        6
    const server = trail.at(resolveServer)(snapshot, exchange, key, trail); //           7
    const enabled = trail.at(requireEnabled)(server); //                                 8
    const access = trail.at(checkAccessGrant)(gateway, snapshot, key, enabled); //       9
    trail.plan = access.plan;
    ticket = trail.at(enforcePolicy)(access, exchange, trail); //                       10  the policy bounds how much body is read
    const rpc = await trail.at(extractRpc)(gateway, exchange, ticket, trail); //        11
    const allowed = trail.at(applyToolRules)(access, rpc, exchange.headers, trail); //  12
    hold = await trail.at(reserveSpend)(gateway, exchange, ticket, allowed, trail); //  13  one atomic call takes what 10 and 13 ask for
    ending = await trail.at(forward)(gateway, exchange, allowed, hold, trail); //       14  the upstream, or nothing where the flow is explained
  } catch (error) {
    ending = asRefusal(error);
  }
  if (ticket !== undefined && hold === undefined) ending = await reconcileRateLimit(gateway, exchange, ticket, trail, ending); // 15  a refused call has cost its rate too
  const event = recordUsage(gateway, exchange, trail, hold, ending); //                  17  told first, because it joins the stream with the settlement
  settleSpend(gateway, trail, hold, ending, event); //                                   16
  slot?.release();
  return ending;
}

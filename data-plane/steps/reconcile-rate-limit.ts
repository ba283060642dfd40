/** Step 15: a request that was refused after step 10 is charged its rates all the same, so that refusals cannot be had for free. */
import type { Refusal } from '../../shared/refusal.ts';
import { CountersUnavailable } from '../counters/counters.ts';
import type { Outcome, RateTicket } from '../evidence.ts';
import type { Exchange } from '../exchange.ts';
import type { Gateway } from '../gateway.ts';
import { observedRefusals, refusalOf } from '../policies/limit-refusals.ts';
import type { Trail } from '../trail.ts';

/**
 * A rate that is exceeded comes before the refusal of a later step, as the order of the steps wants. An admitted request
 * needs nothing here: its lease is released by the settlement, in the same atomic call.
 */
export async function reconcileRateLimit(
  gateway: Gateway,
  exchange: Exchange,
  ticket: RateTicket,
  trail: Trail,
  refusal: Outcome | Refusal,
): Promise<Outcome | Refusal> {
  const { plan, key } = ticket.access;
  if (ticket.isCharged || plan.rates.length === 0) return refusal;
  try {
    const answer = await gateway.counters.admit({
      organisationId: key.organisationId,
      requestId: exchange.requestId,
      rates: plan.rates,
      leases: [],
      holds: [],
      heldAmounts: [],
      intent: undefined,
    });
    const rules = { plan, limits: [] };
    const now = gateway.clock.now();
    if (answer.kind === 'admitted') {
      for (const observed of observedRefusals(answer, rules, now)) trail.observe(observed);
      return refusal;
    }
    // Not before: whoever refused is the step that ran last.
    trail.at(reconcileRateLimit);
    return refusalOf(answer, rules, now);
  } catch (error) {
    if (error instanceof CountersUnavailable) return refusal;
    throw error;
  }
}

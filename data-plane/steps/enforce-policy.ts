/** Step 10: judges the caller's address by the policy of every scope, and settles how large the messages may be. */
import { Refusal } from '../../shared/refusal.ts';
import type { Access, RateTicket } from '../evidence.ts';
import type { Exchange } from '../exchange.ts';
import type { GovernancePlan } from '../policies/governance-plan.ts';
import { judgeAddress } from '../policies/ip-rules.ts';

/**
 * Rates and leases of every scope are in the access's plan. They are taken in step 13, in the one round trip that also holds
 * the money; a request that is refused in between is charged its rates by step 15.
 */
export function enforcePolicy(access: Access, exchange: Exchange): RateTicket {
  const { plan } = access;
  judgeAddressOnce(plan, exchange.clientIp);
  const declaredBytes = Number(exchange.header('content-length') ?? 0);
  if (declaredBytes > plan.requestBytesMax) {
    throw new Refusal('payload_too_large', 'request_too_large', `the message is larger than ${plan.requestBytesMax} bytes`, { limit: plan.requestBytesMax });
  }
  return { access, isCharged: false, requestBytesMax: plan.requestBytesMax, responseBytesMax: plan.responseBytesMax };
}

const ADDRESSES_MAX = 1000;

/** A plan's lists never change, so an address that has passed them passes them again; the plan itself ends with its snapshot. */
function judgeAddressOnce(plan: GovernancePlan, address: string): void {
  if (plan.passedAddresses.has(address)) return;
  for (const policy of plan.policies) judgeAddress(policy, address);
  if (plan.passedAddresses.size < ADDRESSES_MAX) plan.passedAddresses.add(address);
}

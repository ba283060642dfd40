/** Step 10: judges the caller's address by the policy of every scope, and settles how large the messages may be. */
import type { BytesRule } from '../../shared/policy-rules.ts';
import { Refusal } from '../../shared/refusal.ts';
import type { Access, RateTicket } from '../evidence.ts';
import type { Exchange } from '../exchange.ts';
import type { GovernancePlan, ObservedRules } from '../policies/governance-plan.ts';
import { judgeAddress, objectionTo } from '../policies/ip-rules.ts';
import { ruleOf } from '../policies/rule-references.ts';
import type { Trail } from '../trail.ts';

/**
 * Rates and leases of every scope are in the access's plan. They are taken in step 13, in the one round trip that also holds
 * the money; a request that is refused in between is charged its rates by step 15.
 */
export function enforcePolicy(access: Access, exchange: Exchange, trail: Trail): RateTicket {
  const { plan } = access;
  judgeAddressOnce(plan, exchange.clientIp);
  if (plan.observed !== undefined) observeAddress(plan.observed, exchange.clientIp, trail);
  const declaredBytes = Number(exchange.header('content-length') ?? 0);
  if (declaredBytes > plan.requestBytesMax) {
    throw requestTooLarge(plan.requestBytesMax, plan.requestBytes);
  }
  return { access, isCharged: false, requestBytesMax: plan.requestBytesMax, responseBytesMax: plan.responseBytesMax };
}

const ADDRESSES_MAX = 1000;

/** A plan's lists never change, so an address that has passed them passes them again; the plan itself ends with its snapshot. */
function judgeAddressOnce(plan: GovernancePlan, address: string): void {
  if (plan.passedAddresses.has(address)) return;
  judgeAddress(address, plan.addresses);
  if (plan.passedAddresses.size < ADDRESSES_MAX) plan.passedAddresses.add(address);
}

function observeAddress({ addresses }: ObservedRules, address: string, trail: Trail): void {
  for (const observed of addresses) {
    const objection = objectionTo(address, observed);
    if (objection !== undefined) trail.observe(objection);
  }
}

/** The refusal of a message that is too large; without a rule it is for the gateway itself. */
export function requestTooLarge(limit: number, rule: BytesRule | undefined): Refusal {
  const facts = rule === undefined ? { limit } : { limit, scope: rule.scope, rule: ruleOf(rule) };
  return new Refusal('payload_too_large', 'request_too_large', `the message is larger than ${limit} bytes`, facts);
}

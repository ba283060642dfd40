/** Judges the caller's address by the lists of policies. */
import { isIP } from 'node:net';
import type { AddressRule } from '../../shared/policy-rules.ts';
import { Refusal } from '../../shared/refusal.ts';
import type { CompiledAddresses } from './compiled-policy.ts';
import { ruleOf } from './rule-references.ts';

/** An address that cannot be read is refused wherever a list exists. */
export function objectionTo(address: string, { rule, list }: CompiledAddresses): Refusal | undefined {
  const family = isIP(address);
  const isListed = family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4');
  if (rule.kind === 'blocklist') return isListed || family === 0 ? refused(rule, 'ip_blocked', `calls from ${address} are blocked`) : undefined;
  return isListed ? undefined : refused(rule, 'ip_not_allowed', `calls from ${address} are not allowed`);
}

/** Throws the objection of the first list that is enforced. */
export function judgeAddress(address: string, enforced: readonly CompiledAddresses[]): void {
  for (const addresses of enforced) {
    const objection = objectionTo(address, addresses);
    if (objection !== undefined) throw objection;
  }
}

function refused(rule: AddressRule, reason: 'ip_blocked' | 'ip_not_allowed', detail: string): Refusal {
  return new Refusal('mcp_not_allowed', reason, detail, { scope: rule.scope, rule: ruleOf(rule) });
}

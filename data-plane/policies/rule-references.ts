/** Points denials and records at the rule of a policy that decided. */
import type { RuleSource } from '../../shared/policy-rules.ts';
import type { RuleReference } from '../../shared/refusal.ts';

export function ruleOf({ policyId, path }: RuleSource): RuleReference {
  return { kind: 'policy', id: policyId, path };
}

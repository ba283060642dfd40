/** Gathers what governs a key at a server, and merges it as a data plane does. */
import { policyOwnersOf } from '../../shared/policy.ts';
import { mergeRules, rulesOf, type PolicyRules, type RuleSource } from '../../shared/policy-rules.ts';
import { effectivePolicyOf } from '../../shared/effective-policy.ts';
import type { AdminContext } from '../request-context.ts';
import type { EffectivePolicyType, EffectiveRuleType } from './effective-policy.types.ts';
import { configOfPolicy } from './policy.document.ts';

/** Null where the organisation has no such key or server. */
export async function effectivePolicy(context: AdminContext, apiKeyId: string, serverId: string): Promise<EffectivePolicyType | null> {
  const { loaders, services } = context;
  const [key, server] = await Promise.all([loaders.apiKeys.load(apiKeyId), loaders.mcpServers.load(serverId)]);
  if (key === null || server === null) return null;
  const owners = policyOwnersOf({ ...key, teamId: key.teamId ?? null, userId: key.userId ?? null }, server.id);
  const layers = await services.policies.ofOwners(context, owners);
  const rules = mergeRules(layers.map((policy) => rulesOf(configOfPolicy(policy))));
  const { allowlist, blocklist, ...rateLimit } = effectivePolicyOf(rules);
  return { layers, rules: shownRules(rules), ip: { allowlist, blocklist }, rateLimit };
}

function shownRules({ addresses, rates, leases, requestBytes, responseBytes, loops }: PolicyRules): EffectiveRuleType[] {
  return [
    ...addresses.map((rule) => shown(rule, rule.cidrs)),
    ...[...requestBytes, ...responseBytes].map((rule) => shown(rule, rule.bytesMax)),
    ...rates.map((rule) => shown(rule, rule.burst === undefined ? rule.limit : { limit: rule.limit, burst: rule.burst })),
    ...leases.map((rule) => shown(rule, rule.max)),
    ...loops.map((rule) => shown(rule, { max: rule.max, seconds: rule.windowMillis / 1000 })),
  ];
}

function shown({ policyId, scope, path, observe }: RuleSource, value: unknown): EffectiveRuleType {
  return { policyId, scope, path, mode: observe ? 'OBSERVE' : 'ENFORCE', value };
}

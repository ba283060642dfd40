/** A policy made ready: its rules, and its address lists as block lists. */
import { BlockList } from 'node:net';
import type { PolicyConfig } from '../../shared/config-document.ts';
import { addToBlockList } from '../../shared/policy.ts';
import { rulesOf, type AddressRule, type PolicyRules } from '../../shared/policy-rules.ts';

export interface CompiledPolicy {
  readonly id: string;
  readonly rules: PolicyRules;
  readonly enforcedAddresses: readonly CompiledAddresses[];
  readonly observedAddresses: readonly CompiledAddresses[];
}

export interface CompiledAddresses {
  readonly rule: AddressRule;
  readonly list: BlockList;
}

export function compilePolicy(policy: PolicyConfig): CompiledPolicy {
  const rules = rulesOf(policy);
  const addresses = rules.addresses.map((rule) => ({ rule, list: toBlockList(rule.cidrs) }));
  return {
    id: policy.id,
    rules,
    enforcedAddresses: addresses.filter(({ rule }) => !rule.observe),
    observedAddresses: addresses.filter(({ rule }) => rule.observe),
  };
}

function toBlockList(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) addToBlockList(list, cidr);
  return list;
}

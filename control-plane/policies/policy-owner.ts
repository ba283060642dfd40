/** Finds whose policy is meant: everybody's is the operator's alone. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { PolicyScope } from '../../shared/policy.ts';
import { requireOwner } from '../access/owners.ts';
import { refuseInput } from '../graphql/input-refused.ts';
import type { AdminContext } from '../request-context.ts';
import type { OwnedScope } from './policy.entity.ts';

export interface PolicyOwner {
  readonly scope: OwnedScope;
  readonly ownerId: string;
}

export async function requirePolicyOwner(
  em: EntityManager,
  context: AdminContext,
  { scope, ownerId }: { readonly scope: PolicyScope; readonly ownerId: string | null },
): Promise<PolicyOwner> {
  if (scope === 'GLOBAL') throw refuseInput(['scope'], 'MANAGED_BY_FILE', 'the global policy is the operator’s', 'set it in the file TURNPIKE_GLOBAL_POLICY');
  return { scope, ownerId: await requireOwner(em, context, { type: scope, id: ownerId }) };
}

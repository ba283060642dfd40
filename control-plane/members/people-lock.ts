/** Changes of who belongs to an organisation, and as what, come one after the other: each sees what the one before has left. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { refuseInput } from '../graphql/input-refused.ts';
import { ADMINISTRATOR_ROLES } from '../roles/roles.ts';
import { MembershipEntity, type Membership } from './membership.entity.ts';

/** Any number that no other lock of ours has. */
const PEOPLE_LOCK = 7_261_004;

/** Until the end of the transaction. Two who waited for each other's rows would else both be given up. */
export async function lockPeople(em: EntityManager, organisationId: string): Promise<void> {
  await em.execute('select pg_advisory_xact_lock(?, hashtext(?))', [PEOPLE_LOCK, organisationId]);
}

export function isAdministrator({ roleId, state }: Membership): boolean {
  return state === 'ACTIVE' && ADMINISTRATOR_ROLES.includes(roleId);
}

export function countAdministrators(em: EntityManager): Promise<number> {
  return em.count(MembershipEntity, { roleId: { $in: [...ADMINISTRATOR_ROLES] }, state: 'ACTIVE' });
}

/** After a change of an administrator, under the lock. */
export async function requireAdministrator(em: EntityManager, field: string): Promise<void> {
  if ((await countAdministrators(em)) > 0) return;
  throw refuseInput([field], 'CONFLICT', 'nobody would be left to administer the organisation', 'make somebody else an ORG_ADMIN first');
}

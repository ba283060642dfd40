/** Whose a key is, and which agent it is bound to: all of them must be of the organisation. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { findAgent } from '../agents/agents.ts';
import { notFound, refuseInput } from '../graphql/input-refused.ts';
import { domainOf } from '../members/email.ts';
import { MembershipEntity } from '../members/membership.entity.ts';
import { UserEntity } from '../members/user.entity.ts';
import type { AdminContext } from '../request-context.ts';
import { TeamEntity } from '../teams/team.entity.ts';
import type { ApiKey } from './api-key.entity.ts';

interface Owned {
  readonly type: ApiKey['type'];
  readonly ownerId: string | null;
}

/** An owner that does not fit the type is refused rather than ignored. */
export async function ownerOf(em: EntityManager, context: AdminContext, { type, ownerId }: Owned): Promise<Pick<ApiKey, 'teamId' | 'userId' | 'userDomain'>> {
  const none = { teamId: null, userId: null, userDomain: null };
  if (type === 'ORGANISATION') {
    if (ownerId === null || ownerId === context.caller.organisationId) return none;
    throw notFound('ownerId', 'organisation');
  }
  if (ownerId === null) throw refuseInput(['ownerId'], 'REQUIRED', `a key of a ${type.toLowerCase()} needs its ${type.toLowerCase()}`);
  if (type === 'TEAM') {
    if ((await em.count(TeamEntity, { id: ownerId })) === 0) throw notFound('ownerId', 'team');
    return { ...none, teamId: ownerId };
  }
  const user = await em.findOne(UserEntity, { id: ownerId });
  if (user === null || !(await isActive(em, ownerId))) throw notFound('ownerId', 'user');
  return { ...none, userId: ownerId, userDomain: domainOf(user.email) };
}

/** The key of somebody who is suspended stays off. */
export async function requireActiveOwner(em: EntityManager, { userId }: ApiKey): Promise<void> {
  if (userId != null && !(await isActive(em, userId)))
    throw refuseInput(['id'], 'CONFLICT', 'the person whose key it is is suspended or gone', 'let the person in again first');
}

/** A predefined agent that nobody has mapped yet will do: the key may then call nothing. */
export async function requireAgent(em: EntityManager, { caller }: AdminContext, agentId: string | null): Promise<string | null> {
  if (agentId !== null && (await findAgent(em, caller.organisationId, agentId)) === null) throw notFound('agentId', 'agent');
  return agentId;
}

async function isActive(em: EntityManager, userId: string): Promise<boolean> {
  return (await em.count(MembershipEntity, { userId, state: 'ACTIVE' })) > 0;
}

/** Whose a key is, and which agent it is bound to: both must be of the organisation. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { findAgent } from '../agents/agents.ts';
import { notFound, refuseInput } from '../graphql/input-refused.ts';
import type { AdminContext } from '../request-context.ts';
import { TeamEntity } from '../teams/team.entity.ts';

interface Owned {
  readonly type: 'ORGANISATION' | 'TEAM';
  readonly ownerId: string | null;
}

/** The team of a team's key; null for the organisation's. An owner that does not fit the type is refused rather than ignored. */
export async function teamOf(em: EntityManager, context: AdminContext, { type, ownerId }: Owned): Promise<string | null> {
  if (type === 'ORGANISATION') {
    if (ownerId === null || ownerId === context.caller.organisationId) return null;
    throw notFound('ownerId', 'organisation');
  }
  if (ownerId === null) throw refuseInput(['ownerId'], 'REQUIRED', 'a key of a team needs its team');
  if ((await em.count(TeamEntity, { id: ownerId })) === 0) throw notFound('ownerId', 'team');
  return ownerId;
}

/** A predefined agent that nobody has mapped yet will do: the key may then call nothing. */
export async function requireAgent(em: EntityManager, { caller }: AdminContext, agentId: string | null): Promise<string | null> {
  if (agentId !== null && (await findAgent(em, caller.organisationId, agentId)) === null) throw notFound('agentId', 'agent');
  return agentId;
}

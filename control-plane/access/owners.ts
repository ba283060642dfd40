/** What policies and limits may belong to: an owner must exist in the organisation of whoever names it. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { LimitOwnerType } from '../../shared/limit.ts';
import { ApiKeyEntity } from '../api-keys/api-key.entity.ts';
import { notFound, refuseInput } from '../graphql/input-refused.ts';
import { McpServerEntity } from '../mcp-servers/mcp-server.entity.ts';
import { UserEntity } from '../members/user.entity.ts';
import type { AdminContext } from '../request-context.ts';
import { TeamEntity } from '../teams/team.entity.ts';

/** Answers the owner's id, which the organisation itself need not be named by. */
export async function requireOwner(em: EntityManager, { caller }: AdminContext, owner: { type: LimitOwnerType; id: string | null }): Promise<string> {
  const { type, id } = owner;
  if (type === 'ORGANISATION') {
    if (id === null || id === caller.organisationId) return caller.organisationId;
    throw notFound('ownerId', 'organisation');
  }
  if (id === null) throw refuseInput(['ownerId'], 'REQUIRED', `an owner of type ${type} must be named`);
  if ((await countOwners(em, type, id)) === 0) throw notFound('ownerId', type.toLowerCase().replaceAll('_', ' '));
  return id;
}

function countOwners(em: EntityManager, type: Exclude<LimitOwnerType, 'ORGANISATION'>, id: string): Promise<number> {
  switch (type) {
    case 'TEAM':
      return em.count(TeamEntity, { id });
    case 'USER':
      return countPeople(em, id);
    case 'API_KEY':
      return em.count(ApiKeyEntity, { id });
    case 'MCP_SERVER':
      return em.count(McpServerEntity, { id });
  }
}

/** A key may be of somebody who has no account here. */
async function countPeople(em: EntityManager, id: string): Promise<number> {
  return (await em.count(UserEntity, { id })) + (await em.count(ApiKeyEntity, { userId: id }));
}

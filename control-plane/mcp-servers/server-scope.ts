/** Narrows a server to one team's keys or to one key; without a scope any granted key of the organisation may call it. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { ApiKeyEntity } from '../api-keys/api-key.entity.ts';
import { notFound, refuseInput } from '../graphql/input-refused.ts';
import { TeamEntity } from '../teams/team.entity.ts';

/** Exactly one member. */
export interface ServerScopeInput {
  readonly organisation?: boolean | null;
  readonly teamId?: string | null;
  readonly apiKeyId?: string | null;
}

export async function scopeOf(em: EntityManager, scope: ServerScopeInput | null): Promise<{ teamId: string | null; apiKeyId: string | null }> {
  if (scope === null) return { teamId: null, apiKeyId: null };
  const { organisation, teamId = null, apiKeyId = null } = scope;
  if ([organisation === true, teamId !== null, apiKeyId !== null].filter(Boolean).length !== 1) {
    throw refuseInput(['scope'], 'INVALID', 'give exactly one of organisation, teamId and apiKeyId');
  }
  if (teamId !== null && (await em.count(TeamEntity, { id: teamId })) === 0) throw notFound(['scope', 'teamId'], 'team');
  if (apiKeyId !== null && (await em.count(ApiKeyEntity, { id: apiKeyId })) === 0) throw notFound(['scope', 'apiKeyId'], 'API key');
  return { teamId, apiKeyId };
}

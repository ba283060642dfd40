/** A team that somebody is to belong to must be one of the organisation. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { notFound } from '../graphql/input-refused.ts';
import { TeamEntity } from '../teams/team.entity.ts';

export async function requireTeam(em: EntityManager, teamId: string | null): Promise<void> {
  if (teamId !== null && (await em.count(TeamEntity, { id: teamId })) === 0) throw notFound('teamId', 'team');
}

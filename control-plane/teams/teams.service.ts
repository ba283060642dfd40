/** The rules of teams: a slug is unique in its organisation. */
import { newId } from '../../shared/ids.ts';
import { slugSchema } from '../../shared/mcp-server.ts';
import { audit } from '../audit/audit.ts';
import { notFound, parseInput, refuseInput } from '../graphql/input-refused.ts';
import { slugOf } from '../graphql/slug.ts';
import type { AdminContext } from '../request-context.ts';
import { TeamEntity, type Team } from './team.entity.ts';

export interface UpsertTeamInput {
  readonly id: string | null;
  readonly name: string;
  readonly slug: string | null;
}

export class TeamsService {
  list(context: AdminContext): Promise<Team[]> {
    return context.em.find(TeamEntity, {}, { orderBy: { id: 'asc' } });
  }

  upsert(context: AdminContext, input: UpsertTeamInput): Promise<Team> {
    return context.em.transactional(async (em) => {
      const existing = input.id === null ? null : await em.findOne(TeamEntity, { id: input.id });
      if (input.id !== null && existing === null) throw notFound('id', 'team');
      const slug = parseInput(slugSchema, input.slug ?? existing?.slug ?? slugOf(input.name), ['slug']);
      const holder = await em.findOne(TeamEntity, { slug });
      if (holder !== null && holder !== existing) throw refuseInput(['slug'], 'TAKEN', `the slug ${slug} is taken`);
      const before = existing === null ? null : { name: existing.name, slug: existing.slug };
      const team = existing ?? em.create(TeamEntity, { id: newId('team'), organisationId: context.caller.organisationId, name: input.name, slug });
      em.assign(team, { name: input.name, slug, updatedAt: new Date() });
      audit(em, context, { action: 'upsertTeam', targetId: team.id, targetLabel: slug, before, after: { name: input.name, slug } });
      return team;
    });
  }
}

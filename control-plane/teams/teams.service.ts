/** The rules of teams: a slug is unique in its organisation. */
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { newId } from '../../shared/ids.ts';
import { audit } from '../audit/audit.ts';
import { FOR_CHANGE } from '../database/version-check.ts';
import type { Connection, Page } from '../graphql/connection.ts';
import { notFound, refuseInput } from '../graphql/input-refused.ts';
import { readName } from '../graphql/names.ts';
import { pageOf } from '../graphql/paged-query.ts';
import { readSlug } from '../graphql/slug.ts';
import type { AdminContext } from '../request-context.ts';
import { TeamEntity, type Team } from './team.entity.ts';

export interface UpsertTeamInput {
  readonly id: string | null;
  readonly name: string;
  readonly slug: string | null;
}

export class TeamsService {
  list(context: AdminContext, page: Page, info: GraphQLResolveInfo): Promise<Connection<Team>> {
    const { em } = context;
    return pageOf({ find: (where, options) => em.find(TeamEntity, where, options), count: () => em.count(TeamEntity) }, page, info);
  }

  /** No configuration change follows: data planes know teams by their ids alone. */
  upsert(context: AdminContext, input: UpsertTeamInput): Promise<Team> {
    return context.em.transactional(async (em) => {
      const existing = input.id === null ? null : await em.findOne(TeamEntity, { id: input.id }, FOR_CHANGE);
      if (input.id !== null && existing === null) throw notFound('id', 'team');
      const name = readName(input.name);
      const slug = readSlug(input.slug ?? existing?.slug ?? null, name);
      const holder = await em.findOne(TeamEntity, { slug });
      if (holder !== null && holder !== existing) throw refuseInput(['slug'], 'TAKEN', `the slug ${slug} is taken`);
      const before = existing === null ? null : { name: existing.name, slug: existing.slug };
      const team = existing ?? em.create(TeamEntity, { id: newId('team'), organisationId: context.caller.organisationId, name, slug });
      if (existing !== null) em.assign(existing, { name, slug, updatedAt: new Date() });
      audit(em, context, { action: 'upsertTeam', targetId: team.id, targetLabel: slug, before, after: { name, slug } });
      return team;
    });
  }
}

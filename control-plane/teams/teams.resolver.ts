/** GraphQL to the teams service. */
import { Arg, Ctx, Mutation, Resolver } from 'type-graphql';
import { asPayload } from '../graphql/input-refused.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import { TeamPayload, UpsertTeamInputType } from './team.types.ts';

@Resolver()
export class TeamsResolver {
  @Mutation(() => TeamPayload, { description: 'Makes a team or changes one. Needs MEMBER_MANAGE.' })
  upsertTeam(@Ctx() context: RequestContext, @Arg('input', () => UpsertTeamInputType) input: UpsertTeamInputType): Promise<TeamPayload> {
    const admin = asAdmin(context, 'MEMBER_MANAGE');
    return asPayload(async () => ({ team: await context.services.teams.upsert(admin, { name: input.name, id: input.id ?? null, slug: input.slug ?? null }) }), {
      team: null,
    });
  }
}

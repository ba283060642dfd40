/** GraphQL to the organisation that the caller belongs to. */
import { Ctx, FieldResolver, Query, Resolver } from 'type-graphql';
import { asAdmin, type RequestContext } from '../request-context.ts';
import { TeamType } from '../teams/team.types.ts';
import { OrganisationEntity } from './organisation.entity.ts';
import { OrganisationType, Viewer } from './organisation.types.ts';

@Resolver(() => OrganisationType)
export class OrganisationsResolver {
  @Query(() => Viewer, { description: 'Who is asking, and what the token may do.' })
  async viewer(@Ctx() context: RequestContext): Promise<Viewer> {
    const { caller, em } = asAdmin(context);
    return { organisation: await em.findOneOrFail(OrganisationEntity, { id: caller.organisationId }), permissions: [...caller.permissions] };
  }

  @FieldResolver(() => [TeamType], { description: 'Its teams.' })
  teams(@Ctx() context: RequestContext): Promise<TeamType[]> {
    return context.services.teams.list(asAdmin(context));
  }
}

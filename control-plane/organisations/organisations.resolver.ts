/** GraphQL to the organisation that the caller belongs to. */
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { Arg, Ctx, FieldResolver, Info, Int, Mutation, Query, Resolver } from 'type-graphql';
import { PAGE_DEFAULT, readPage, type Connection } from '../graphql/connection.ts';
import { asPayload } from '../graphql/input-refused.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import { TeamConnection, type TeamType } from '../teams/team.types.ts';
import { OrganisationEntity } from './organisation.entity.ts';
import { OrganisationPayload, OrganisationType, SetUnknownClientsInput, Viewer } from './organisation.types.ts';

@Resolver(() => OrganisationType)
export class OrganisationsResolver {
  @Query(() => Viewer, { description: 'Who is asking, and what he may do.' })
  async viewer(@Ctx() context: RequestContext): Promise<Viewer> {
    const { caller, em, loaders } = asAdmin(context);
    const user = caller.actor.kind === 'USER' ? await loaders.users.load(caller.actor.id) : null;
    return { user, organisation: await em.findOneOrFail(OrganisationEntity, { id: caller.organisationId }), permissions: [...caller.permissions] };
  }

  @Mutation(() => OrganisationPayload, { description: 'Sets what clients get that count as no agent, from the next call on. Needs AGENT_CONFIGURE.' })
  setUnknownClients(
    @Ctx() context: RequestContext,
    @Arg('input', () => SetUnknownClientsInput) { unknownClients, expectedVersion, dryRun }: SetUnknownClientsInput,
  ): Promise<OrganisationPayload> {
    const admin = asAdmin(context, 'AGENT_CONFIGURE');
    const given = { unknownClients, expectedVersion: expectedVersion ?? null, dryRun };
    return asPayload(async () => ({ organisation: await context.services.organisations.setUnknownClients(admin, given) }), { organisation: null });
  }

  @FieldResolver(() => TeamConnection, { description: 'Its teams, oldest first.' })
  teams(
    @Ctx() context: RequestContext,
    @Arg('first', () => Int, { defaultValue: PAGE_DEFAULT }) first: number,
    @Arg('after', () => String, { nullable: true }) after: string | null,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<TeamType>> {
    return context.services.teams.list(asAdmin(context), readPage(first, after), info);
  }
}

/** GraphQL to the filter of the organisation, and to the trial of any filter. */
import { Arg, Ctx, Mutation, Query, Resolver } from 'type-graphql';
import { asPayload } from '../graphql/input-refused.ts';
import { Json } from '../graphql/scalars.ts';
import { OrganisationPayload } from '../organisations/organisation.types.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import { SemanticFilterInputType, SetOrganisationFilterInput } from './content-filter.types.ts';
import { SemanticFilterValidation } from './filter-validation.types.ts';
import { readSemanticFilter } from './read-semantic-filter.ts';
import { tryFilter } from './try-filter.ts';

@Resolver()
export class ContentFiltersResolver {
  @Query(() => SemanticFilterValidation, { description: 'What is wrong with a filter, and what it would find in a sample, as in a message. Nothing is kept.' })
  validateSemanticFilter(
    @Ctx() context: RequestContext,
    @Arg('filter', () => SemanticFilterInputType) filter: SemanticFilterInputType,
    @Arg('sample', () => Json, { nullable: true }) sample: unknown,
  ): Promise<SemanticFilterValidation> {
    asAdmin(context);
    return asPayload(async () => ({ findings: tryFilter(readSemanticFilter(filter, 'filter'), sample ?? null) ?? null }), { findings: null });
  }

  @Mutation(() => OrganisationPayload, { description: 'Sets or removes the filter that holds at all servers, beside theirs. Needs POLICY_MANAGE.' })
  setOrganisationFilter(
    @Ctx() context: RequestContext,
    @Arg('input', () => SetOrganisationFilterInput) input: SetOrganisationFilterInput,
  ): Promise<OrganisationPayload> {
    const admin = asAdmin(context, 'POLICY_MANAGE');
    const change = { filter: input.filter ?? null, expectedVersion: input.expectedVersion ?? null, dryRun: input.dryRun };
    return asPayload(async () => ({ organisation: await context.services.organisations.setSemanticFilter(admin, change) }), { organisation: null });
  }
}

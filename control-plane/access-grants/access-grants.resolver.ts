/** GraphQL to the grants service. */
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { Arg, Args, ArgsType, Ctx, Field, ID, Info, Int, Mutation, Query, Resolver } from 'type-graphql';
import { PAGE_DEFAULT, readPage, type Connection } from '../graphql/connection.ts';
import { asPayload } from '../graphql/input-refused.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import { AccessGrantConnection, AccessGrantType, GrantsPayload, SetGrantsInput, type GrantInputType } from './access-grant.types.ts';
import type { GrantInput } from './access-grants.service.ts';

@ArgsType()
class GrantsArgs {
  @Field(() => Int, { defaultValue: PAGE_DEFAULT })
  first!: number;

  @Field(() => String, { nullable: true })
  after!: string | null;

  @Field(() => ID, { nullable: true })
  apiKeyId!: string | null;

  @Field(() => ID, { nullable: true })
  serverId!: string | null;
}

@Resolver()
export class AccessGrantsResolver {
  @Query(() => AccessGrantConnection, { description: 'Grants, oldest first; of one key, of one server, or all.' })
  grants(@Ctx() context: RequestContext, @Args(() => GrantsArgs) args: GrantsArgs, @Info() info: GraphQLResolveInfo): Promise<Connection<AccessGrantType>> {
    const filter = { apiKeyId: args.apiKeyId ?? null, serverId: args.serverId ?? null };
    return context.services.accessGrants.list(asAdmin(context), filter, readPage(args.first, args.after), info);
  }

  @Mutation(() => GrantsPayload, { description: 'Gives and takes away grants, in force from the next call on. Needs GRANT_MANAGE.' })
  setGrants(@Ctx() context: RequestContext, @Arg('input', () => SetGrantsInput) input: SetGrantsInput): Promise<GrantsPayload> {
    const admin = asAdmin(context, 'GRANT_MANAGE');
    const given = { add: (input.add ?? []).map(toGrant), remove: input.remove ?? [], dryRun: input.dryRun };
    return asPayload(() => context.services.accessGrants.set(admin, given), { grants: [], removedIds: [] });
  }
}

function toGrant(grant: GrantInputType): GrantInput {
  return { ...grant, toolsAllowed: grant.toolsAllowed ?? null, expiresAt: grant.expiresAt ?? null, note: grant.note ?? null };
}

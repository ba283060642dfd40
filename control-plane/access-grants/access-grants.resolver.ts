/** GraphQL to the grants service. */
import assert from 'node:assert/strict';
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { Arg, Args, ArgsType, Ctx, Field, FieldResolver, ID, Info, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import { ApiKeyType } from '../api-keys/api-key.types.ts';
import { PAGE_DEFAULT, readPage, type Connection } from '../graphql/connection.ts';
import { asPayload } from '../graphql/input-refused.ts';
import { McpServerType } from '../mcp-servers/mcp-server.types.ts';
import { loadUser } from '../members/load-user.ts';
import { UserType } from '../members/user.types.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import type { AccessGrant } from './access-grant.entity.ts';
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

@Resolver(() => AccessGrantType)
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

  @FieldResolver(() => ApiKeyType, { description: 'The key.' })
  async apiKey(@Root() { apiKeyId }: AccessGrant, @Ctx() { loaders }: RequestContext): Promise<ApiKeyType> {
    const apiKey = await loaders.apiKeys.load(apiKeyId);
    assert(apiKey !== null, 'a grant is removed before its key');
    return apiKey;
  }

  @FieldResolver(() => UserType, { nullable: true, description: 'Who gave it; null for a token, and for somebody who is gone.' })
  createdBy(@Root() { createdBy }: AccessGrant, @Ctx() { loaders }: RequestContext): Promise<UserType | null> {
    return loadUser(loaders, createdBy);
  }

  @FieldResolver(() => McpServerType, { description: 'The server.' })
  async server(@Root() { mcpServerId }: AccessGrant, @Ctx() { loaders }: RequestContext): Promise<McpServerType> {
    const server = await loaders.mcpServers.load(mcpServerId);
    assert(server !== null, 'a grant is removed before its server');
    return server;
  }
}

function toGrant(grant: GrantInputType): GrantInput {
  return { ...grant, toolsAllowed: grant.toolsAllowed ?? null, expiresAt: grant.expiresAt ?? null, note: grant.note ?? null };
}

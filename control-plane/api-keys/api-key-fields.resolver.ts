/** The fields of a key that are made of what is stored, or stand elsewhere. */
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { Arg, Ctx, FieldResolver, Info, Int, Resolver, Root } from 'type-graphql';
import { AccessGrantConnection, type AccessGrantType } from '../access-grants/access-grant.types.ts';
import { readPage, selects, type Connection } from '../graphql/connection.ts';
import { McpServerType } from '../mcp-servers/mcp-server.types.ts';
import { loadUser } from '../members/load-user.ts';
import { UserType } from '../members/user.types.ts';
import { PolicyType } from '../policies/policy.types.ts';
import type { RequestContext } from '../request-context.ts';
import { TeamType } from '../teams/team.types.ts';
import type { ApiKey } from './api-key.entity.ts';
import { statusOf, type ApiKeyStatus } from './api-key-status.ts';
import { API_KEY_STATUS, ApiKeyType } from './api-key.types.ts';

/** Fewer than of a list by itself: there may be as many for each key of a page. */
const GRANTS_DEFAULT = 20;

@Resolver(() => ApiKeyType)
export class ApiKeyFieldsResolver {
  @FieldResolver(() => API_KEY_STATUS, { description: 'Whether it works.' })
  status(@Root() key: ApiKey): ApiKeyStatus {
    return statusOf(key, new Date());
  }

  @FieldResolver(() => String, { nullable: true, description: 'The prefix that it had before the last rotation.' })
  rotatedFrom(@Root() { previousPrefix }: ApiKey): string | null {
    return previousPrefix ?? null;
  }

  @FieldResolver(() => TeamType, { nullable: true, description: 'The team of a team’s key.' })
  team(@Root() { teamId }: ApiKey, @Ctx() { loaders }: RequestContext): Promise<TeamType | null> {
    return teamId == null ? Promise.resolve(null) : loaders.teams.load(teamId);
  }

  @FieldResolver(() => UserType, { nullable: true, description: 'The person of a person’s key.' })
  user(@Root() { userId }: ApiKey, @Ctx() { loaders }: RequestContext): Promise<UserType | null> {
    return loadUser(loaders, userId);
  }

  @FieldResolver(() => PolicyType, { nullable: true, description: 'The policy that holds for every call with it.' })
  policy(@Root() { id }: ApiKey, @Ctx() { loaders }: RequestContext): Promise<PolicyType | null> {
    return loaders.policies.load(id);
  }

  @FieldResolver(() => UserType, { nullable: true, description: 'Who made it; null for a token, and for somebody who is gone.' })
  createdBy(@Root() { createdBy }: ApiKey, @Ctx() { loaders }: RequestContext): Promise<UserType | null> {
    return loadUser(loaders, createdBy);
  }

  @FieldResolver(() => AccessGrantConnection, { description: 'Its grants, oldest first.' })
  grants(
    @Root() { id }: ApiKey,
    @Arg('first', () => Int, { defaultValue: GRANTS_DEFAULT }) first: number,
    @Arg('after', () => String, { nullable: true }) after: string | null,
    @Ctx() { loaders }: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<AccessGrantType>> {
    return loaders.grantsOfKeys.load({ ownerId: id, page: readPage(first, after), isCounted: selects(info, 'totalCount') });
  }

  @FieldResolver(() => [McpServerType], { description: 'The servers that it may call now, as the gateway judges it; none for a key that does not work.' })
  effectiveServers(@Root() { id }: ApiKey, @Ctx() { loaders }: RequestContext): Promise<McpServerType[]> {
    return loaders.effectiveServers.load(id);
  }
}

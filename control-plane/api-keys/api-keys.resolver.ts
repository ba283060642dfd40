/** GraphQL to the virtual keys service. */
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { Arg, Ctx, FieldResolver, ID, Info, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import { PAGE_DEFAULT, readPage, type Connection } from '../graphql/connection.ts';
import { asPayload } from '../graphql/input-refused.ts';
import { PolicyType } from '../policies/policy.types.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import { TeamType } from '../teams/team.types.ts';
import type { ApiKey } from './api-key.entity.ts';
import {
  API_KEY_STATUS,
  ApiKeyConnection,
  ApiKeyPayload,
  ApiKeySecretPayload,
  ApiKeyType,
  CreateApiKeyInputType,
  IdInput,
  RotateApiKeyInputType,
  type ApiKeyStatus,
} from './api-key.types.ts';

@Resolver(() => ApiKeyType)
export class ApiKeysResolver {
  @Query(() => ApiKeyConnection, { description: 'Virtual keys, oldest first.' })
  apiKeys(
    @Ctx() context: RequestContext,
    @Arg('first', () => Int, { defaultValue: PAGE_DEFAULT }) first: number,
    @Arg('after', () => String, { nullable: true }) after: string | null,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<ApiKeyType>> {
    return context.services.apiKeys.list(asAdmin(context), readPage(first, after), info);
  }

  @Query(() => ApiKeyType, { nullable: true, description: 'One virtual key; null when there is none of that id.' })
  apiKey(@Ctx() context: RequestContext, @Arg('id', () => ID) id: string): Promise<ApiKeyType | null> {
    return context.services.apiKeys.find(asAdmin(context), id);
  }

  @Mutation(() => ApiKeySecretPayload, { description: 'Makes a virtual key. Needs KEY_MANAGE.' })
  createApiKey(@Ctx() context: RequestContext, @Arg('input', () => CreateApiKeyInputType) input: CreateApiKeyInputType): Promise<ApiKeySecretPayload> {
    const admin = asAdmin(context, 'KEY_MANAGE');
    const given = {
      name: input.name,
      type: input.type,
      ownerId: input.ownerId ?? null,
      expiresAt: input.expiresAt ?? null,
      grantServerIds: input.grantServerIds ?? [],
      policy: input.policy ?? null,
      denialStyle: input.denialStyle ?? null,
      metadata: input.metadata ?? {},
    };
    return asPayload(() => context.services.apiKeys.create(admin, given), { apiKey: null, secret: null });
  }

  @Mutation(() => ApiKeySecretPayload, { description: 'Gives a key a new secret; the old one works on for the grace. Needs KEY_MANAGE.' })
  rotateApiKey(@Ctx() context: RequestContext, @Arg('input', () => RotateApiKeyInputType) input: RotateApiKeyInputType): Promise<ApiKeySecretPayload> {
    const admin = asAdmin(context, 'KEY_MANAGE');
    return asPayload(() => context.services.apiKeys.rotate(admin, input), { apiKey: null, secret: null });
  }

  @Mutation(() => ApiKeyPayload, { description: 'Ends a key for good, from the next call on. Needs KEY_MANAGE.' })
  revokeApiKey(@Ctx() context: RequestContext, @Arg('input', () => IdInput) input: IdInput): Promise<ApiKeyPayload> {
    const admin = asAdmin(context, 'KEY_MANAGE');
    return asPayload(async () => ({ apiKey: await context.services.apiKeys.revoke(admin, input.id, input.expectedVersion ?? null) }), { apiKey: null });
  }

  @FieldResolver(() => API_KEY_STATUS, { description: 'Whether it works.' })
  status(@Root() key: ApiKey): ApiKeyStatus {
    if (key.state !== 'ACTIVE') return key.state;
    if (key.expiresAt != null && key.expiresAt.getTime() <= Date.now()) return 'EXPIRED';
    return key.graceUntil != null && key.graceUntil.getTime() > Date.now() ? 'ROTATING' : 'ACTIVE';
  }

  @FieldResolver(() => TeamType, { nullable: true, description: 'The team of a team’s key.' })
  team(@Root() { teamId }: ApiKey, @Ctx() { loaders }: RequestContext): Promise<TeamType | null> {
    return teamId == null ? Promise.resolve(null) : loaders.teams.load(teamId);
  }

  @FieldResolver(() => PolicyType, { nullable: true, description: 'The policy that holds for every call with it.' })
  policy(@Root() { id }: ApiKey, @Ctx() { loaders }: RequestContext): Promise<PolicyType | null> {
    return loaders.policies.load(id);
  }
}

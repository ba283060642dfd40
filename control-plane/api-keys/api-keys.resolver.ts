/** GraphQL to the virtual keys service. */
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { Arg, Args, ArgsType, Ctx, Field, ID, Info, Int, Mutation, Query, Resolver } from 'type-graphql';
import { PAGE_DEFAULT, readPage, type Connection } from '../graphql/connection.ts';
import { asPayload } from '../graphql/input-refused.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import {
  ApiKeyConnection,
  ApiKeyFilterType,
  ApiKeyPayload,
  ApiKeySecretPayload,
  ApiKeyType,
  CreateApiKeyInputType,
  IdInput,
  RotateApiKeyInputType,
  SetApiKeyDisabledInputType,
  UpdateApiKeyInputType,
} from './api-key.types.ts';

@ArgsType()
class ApiKeysArgs {
  @Field(() => Int, { defaultValue: PAGE_DEFAULT })
  first!: number;

  @Field(() => String, { nullable: true })
  after!: string | null;

  @Field(() => ApiKeyFilterType, { nullable: true })
  filter!: ApiKeyFilterType | null;
}

@Resolver(() => ApiKeyType)
export class ApiKeysResolver {
  @Query(() => ApiKeyConnection, { description: 'Virtual keys, oldest first.' })
  apiKeys(
    @Ctx() context: RequestContext,
    @Args(() => ApiKeysArgs) { first, after, filter }: ApiKeysArgs,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<ApiKeyType>> {
    return context.services.apiKeys.list(asAdmin(context), filter ?? {}, readPage(first, after), info);
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
      agentId: input.agentId ?? null,
      expiresAt: input.expiresAt ?? null,
      grantServerIds: input.grantServerIds ?? [],
      policy: input.policy ?? null,
      denialStyle: input.denialStyle ?? null,
      metadata: input.metadata ?? {},
    };
    return asPayload(() => context.services.apiKeys.create(admin, given), { apiKey: null, secret: null });
  }

  @Mutation(() => ApiKeyPayload, { description: 'Changes a key, in force from the next call on. Needs KEY_MANAGE.' })
  updateApiKey(@Ctx() context: RequestContext, @Arg('input', () => UpdateApiKeyInputType) input: UpdateApiKeyInputType): Promise<ApiKeyPayload> {
    const admin = asAdmin(context, 'KEY_MANAGE');
    const given = {
      id: input.id,
      name: input.name ?? undefined,
      expiresAt: input.expiresAt,
      agentId: input.agentId,
      denialStyle: input.denialStyle,
      metadata: input.metadata ?? undefined,
      expectedVersion: input.expectedVersion ?? null,
      dryRun: input.dryRun,
    };
    return asPayload(async () => ({ apiKey: await context.services.apiKeys.update(admin, given) }), { apiKey: null });
  }

  @Mutation(() => ApiKeyPayload, { description: 'Switches a key off, or on again, from the next call on. Needs KEY_MANAGE.' })
  setApiKeyDisabled(@Ctx() context: RequestContext, @Arg('input', () => SetApiKeyDisabledInputType) input: SetApiKeyDisabledInputType): Promise<ApiKeyPayload> {
    const admin = asAdmin(context, 'KEY_MANAGE');
    const given = { ...input, expectedVersion: input.expectedVersion ?? null };
    return asPayload(async () => ({ apiKey: await context.services.apiKeys.setDisabled(admin, given) }), { apiKey: null });
  }

  @Mutation(() => ApiKeySecretPayload, { description: 'Gives a key a new secret; the old one works on for the grace. Needs KEY_MANAGE.' })
  rotateApiKey(@Ctx() context: RequestContext, @Arg('input', () => RotateApiKeyInputType) input: RotateApiKeyInputType): Promise<ApiKeySecretPayload> {
    const admin = asAdmin(context, 'KEY_MANAGE');
    const given = { id: input.id, graceSeconds: input.graceSeconds, expiresAt: input.expiresAt, expectedVersion: input.expectedVersion ?? null };
    return asPayload(() => context.services.apiKeys.rotate(admin, given), { apiKey: null, secret: null });
  }

  @Mutation(() => ApiKeyPayload, { description: 'Ends a key for good, from the next call on. Needs KEY_MANAGE.' })
  revokeApiKey(@Ctx() context: RequestContext, @Arg('input', () => IdInput) input: IdInput): Promise<ApiKeyPayload> {
    const admin = asAdmin(context, 'KEY_MANAGE');
    const aim = { id: input.id, expectedVersion: input.expectedVersion ?? null };
    return asPayload(async () => ({ apiKey: await context.services.apiKeys.revoke(admin, aim) }), { apiKey: null });
  }
}

/** GraphQL to the service of administrators' tokens. */
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { Arg, Ctx, Info, Int, Mutation, Query, Resolver } from 'type-graphql';
import { PAGE_DEFAULT, readPage, type Connection } from '../graphql/connection.ts';
import { asPayload } from '../graphql/input-refused.ts';
import { ReferenceInput } from '../graphql/reference.types.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import { AdminTokenConnection, AdminTokenPayload, AdminTokenSecretPayload, CreateAdminTokenInputType, type AdminTokenType } from './admin-token.types.ts';

@Resolver()
export class AdminTokensResolver {
  @Query(() => AdminTokenConnection, { description: 'Administrators’ tokens, oldest first. Needs MEMBER_MANAGE.' })
  adminTokens(
    @Ctx() context: RequestContext,
    @Arg('first', () => Int, { defaultValue: PAGE_DEFAULT }) first: number,
    @Arg('after', () => String, { nullable: true }) after: string | null,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<AdminTokenType>> {
    return context.services.adminTokens.list(asAdmin(context, 'MEMBER_MANAGE'), readPage(first, after), info);
  }

  @Mutation(() => AdminTokenSecretPayload, { description: 'Makes a token for a program. Needs MEMBER_MANAGE.' })
  createAdminToken(
    @Ctx() context: RequestContext,
    @Arg('input', () => CreateAdminTokenInputType) input: CreateAdminTokenInputType,
  ): Promise<AdminTokenSecretPayload> {
    const admin = asAdmin(context, 'MEMBER_MANAGE');
    const given = { name: input.name, permissions: input.permissions, expiresAt: input.expiresAt ?? null };
    return asPayload(() => context.services.adminTokens.create(admin, given), { adminToken: null, secret: null });
  }

  @Mutation(() => AdminTokenPayload, { description: 'Ends a token for good, from the next request on. Needs MEMBER_MANAGE.' })
  revokeAdminToken(@Ctx() context: RequestContext, @Arg('input', () => ReferenceInput) input: ReferenceInput): Promise<AdminTokenPayload> {
    const admin = asAdmin(context, 'MEMBER_MANAGE');
    return asPayload(async () => ({ adminToken: await context.services.adminTokens.revoke(admin, input.id) }), { adminToken: null });
  }
}

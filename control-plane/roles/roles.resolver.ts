/** GraphQL to the roles service. */
import { Arg, Ctx, Mutation, Query, Resolver } from 'type-graphql';
import { IdInput } from '../api-keys/api-key.types.ts';
import { asPayload } from '../graphql/input-refused.ts';
import { DeletePayload } from '../money/limit.types.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import { CreateRoleInputType, RolePayload, RoleType, UpdateRoleInputType } from './role.types.ts';

@Resolver()
export class RolesResolver {
  @Query(() => [RoleType], { description: 'Roles: those that come with the product, and the organisation’s own.' })
  roles(@Ctx() context: RequestContext): Promise<RoleType[]> {
    return context.services.roles.list(asAdmin(context));
  }

  @Mutation(() => RolePayload, { description: 'Makes a role. Needs MEMBER_MANAGE.' })
  createRole(@Ctx() context: RequestContext, @Arg('input', () => CreateRoleInputType) input: CreateRoleInputType): Promise<RolePayload> {
    const admin = asAdmin(context, 'MEMBER_MANAGE');
    return asPayload(async () => ({ role: await context.services.roles.create(admin, input) }), { role: null });
  }

  @Mutation(() => RolePayload, { description: 'Changes a role, for everybody who has it. Needs MEMBER_MANAGE.' })
  updateRole(@Ctx() context: RequestContext, @Arg('input', () => UpdateRoleInputType) input: UpdateRoleInputType): Promise<RolePayload> {
    const admin = asAdmin(context, 'MEMBER_MANAGE');
    const given = {
      id: input.id,
      expectedVersion: input.expectedVersion ?? null,
      name: input.name ?? undefined,
      permissions: input.permissions ?? undefined,
    };
    return asPayload(async () => ({ role: await context.services.roles.update(admin, given) }), { role: null });
  }

  @Mutation(() => DeletePayload, { description: 'Takes a role away that nobody has. Needs MEMBER_MANAGE.' })
  deleteRole(@Ctx() context: RequestContext, @Arg('input', () => IdInput) input: IdInput): Promise<DeletePayload> {
    const admin = asAdmin(context, 'MEMBER_MANAGE');
    return asPayload(async () => ({ deletedId: await context.services.roles.delete(admin, input.id, input.expectedVersion ?? null) }), { deletedId: null });
  }
}

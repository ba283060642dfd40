/** GraphQL to the services of members and invitations. */
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { Arg, Ctx, Info, Int, Mutation, Query, Resolver } from 'type-graphql';
import { IdInput } from '../api-keys/api-key.types.ts';
import { PAGE_DEFAULT, readPage, type Connection } from '../graphql/connection.ts';
import { asPayload } from '../graphql/input-refused.ts';
import { ReferenceInput } from '../graphql/reference.types.ts';
import { DeletePayload } from '../money/limit.types.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import {
  InvitationConnection,
  InvitationTokenPayload,
  InviteMemberInputType,
  MembershipConnection,
  MembershipPayload,
  UpdateMemberInputType,
  type InvitationType,
  type MembershipType,
} from './member.types.ts';

@Resolver()
export class MembersResolver {
  @Query(() => MembershipConnection, { description: 'The members of the organisation, oldest first. Needs MEMBER_MANAGE.' })
  members(
    @Ctx() context: RequestContext,
    @Arg('first', () => Int, { defaultValue: PAGE_DEFAULT }) first: number,
    @Arg('after', () => String, { nullable: true }) after: string | null,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<MembershipType>> {
    return context.services.members.list(asAdmin(context, 'MEMBER_MANAGE'), readPage(first, after), info);
  }

  @Query(() => InvitationConnection, { description: 'Invitations that nobody has accepted yet, oldest first. Needs MEMBER_MANAGE.' })
  invitations(
    @Ctx() context: RequestContext,
    @Arg('first', () => Int, { defaultValue: PAGE_DEFAULT }) first: number,
    @Arg('after', () => String, { nullable: true }) after: string | null,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<InvitationType>> {
    return context.services.invitations.list(asAdmin(context, 'MEMBER_MANAGE'), readPage(first, after), info);
  }

  @Mutation(() => InvitationTokenPayload, { description: 'Invites a person, by a token that whoever asks hands over. Needs MEMBER_MANAGE.' })
  inviteMember(@Ctx() context: RequestContext, @Arg('input', () => InviteMemberInputType) input: InviteMemberInputType): Promise<InvitationTokenPayload> {
    const admin = asAdmin(context, 'MEMBER_MANAGE');
    const given = { email: input.email, roleId: input.roleId, teamId: input.teamId ?? null };
    return asPayload(() => context.services.invitations.invite(admin, given), { invitation: null, token: null });
  }

  @Mutation(() => DeletePayload, { description: 'Takes an invitation back. Needs MEMBER_MANAGE.' })
  revokeInvitation(@Ctx() context: RequestContext, @Arg('input', () => ReferenceInput) input: ReferenceInput): Promise<DeletePayload> {
    const admin = asAdmin(context, 'MEMBER_MANAGE');
    return asPayload(async () => ({ deletedId: await context.services.invitations.revoke(admin, input.id) }), { deletedId: null });
  }

  @Mutation(() => MembershipPayload, { description: 'Changes what a person is, from his next request on. Needs MEMBER_MANAGE.' })
  updateMember(@Ctx() context: RequestContext, @Arg('input', () => UpdateMemberInputType) input: UpdateMemberInputType): Promise<MembershipPayload> {
    const admin = asAdmin(context, 'MEMBER_MANAGE');
    const given = {
      id: input.id,
      expectedVersion: input.expectedVersion ?? null,
      roleId: input.roleId ?? undefined,
      teamId: input.teamId,
      suspended: input.suspended ?? undefined,
    };
    return asPayload(async () => ({ membership: await context.services.members.update(admin, given) }), { membership: null });
  }

  @Mutation(() => DeletePayload, { description: 'Takes a person out of the organisation, and ends his sessions. Needs MEMBER_MANAGE.' })
  removeMember(@Ctx() context: RequestContext, @Arg('input', () => IdInput) input: IdInput): Promise<DeletePayload> {
    const admin = asAdmin(context, 'MEMBER_MANAGE');
    return asPayload(async () => ({ deletedId: await context.services.members.remove(admin, input.id, input.expectedVersion ?? null) }), { deletedId: null });
  }
}

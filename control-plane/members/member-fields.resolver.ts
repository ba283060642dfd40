/** What members, invitations and people point at, looked up for all of a page at once. */
import { Ctx, FieldResolver, Resolver, Root } from 'type-graphql';
import type { RequestContext } from '../request-context.ts';
import { RoleType } from '../roles/role.types.ts';
import { TeamType } from '../teams/team.types.ts';
import { domainOf } from './email.ts';
import type { Invitation } from './invitation.entity.ts';
import { InvitationType, MembershipType } from './member.types.ts';
import type { Membership } from './membership.entity.ts';
import type { User } from './user.entity.ts';
import { UserType } from './user.types.ts';

@Resolver(() => MembershipType)
export class MembershipFieldsResolver {
  @FieldResolver(() => UserType, { nullable: true, description: 'The person.' })
  user(@Root() { userId }: Membership, @Ctx() { loaders }: RequestContext): Promise<UserType | null> {
    return loaders.users.load(userId);
  }

  @FieldResolver(() => RoleType, { nullable: true, description: 'What the person may do.' })
  role(@Root() { roleId }: Membership, @Ctx() { loaders }: RequestContext): Promise<RoleType | null> {
    return loaders.roles.load(roleId);
  }

  @FieldResolver(() => TeamType, { nullable: true, description: 'The team that the person belongs to.' })
  team(@Root() { teamId }: Membership, @Ctx() { loaders }: RequestContext): Promise<TeamType | null> {
    return teamId == null ? Promise.resolve(null) : loaders.teams.load(teamId);
  }
}

@Resolver(() => InvitationType)
export class InvitationFieldsResolver {
  @FieldResolver(() => RoleType, { nullable: true, description: 'What the person will be allowed.' })
  role(@Root() { roleId }: Invitation, @Ctx() { loaders }: RequestContext): Promise<RoleType | null> {
    return loaders.roles.load(roleId);
  }

  @FieldResolver(() => TeamType, { nullable: true, description: 'The team that the person will belong to.' })
  team(@Root() { teamId }: Invitation, @Ctx() { loaders }: RequestContext): Promise<TeamType | null> {
    return teamId == null ? Promise.resolve(null) : loaders.teams.load(teamId);
  }
}

@Resolver(() => UserType)
export class UserFieldsResolver {
  @FieldResolver(() => String, { description: 'What is behind the @ of the address.' })
  domain(@Root() { email }: User): string {
    return domainOf(email);
  }
}

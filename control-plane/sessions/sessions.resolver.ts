/** GraphQL to signing in and out, and to one's own sessions and password. */
import { Arg, Ctx, FieldResolver, Mutation, Query, Resolver, Root } from 'type-graphql';
import { asPayload } from '../graphql/input-refused.ts';
import { ReferenceInput } from '../graphql/reference.types.ts';
import { asUser, asVisitor, type RequestContext } from '../request-context.ts';
import {
  AcceptInvitationInputType,
  ChangePasswordInputType,
  EndedSessionsPayload,
  SessionType,
  SetUpInputType,
  SignInInputType,
  SignInPayload,
} from './session.types.ts';

@Resolver(() => SessionType)
export class SessionsResolver {
  @Query(() => [SessionType], { description: 'Where whoever asks is signed in, the newest first. For people who have signed in.' })
  sessions(@Ctx() context: RequestContext): Promise<SessionType[]> {
    return context.services.sessions.list(asUser(context));
  }

  @Mutation(() => SignInPayload, { description: 'Signs somebody in with a password; the answer sets a cookie. For everybody.' })
  signIn(@Ctx() context: RequestContext, @Arg('input', () => SignInInputType) input: SignInInputType): Promise<SignInPayload> {
    const visitor = asVisitor(context);
    const given = { email: input.email, password: input.password, organisation: input.organisation ?? null };
    return asPayload(async () => ({ user: await context.services.signIn.signIn(visitor, given) }), { user: null });
  }

  @Mutation(() => SignInPayload, { description: 'Makes the account of whoever was invited, and signs him in. For everybody.' })
  acceptInvitation(@Ctx() context: RequestContext, @Arg('input', () => AcceptInvitationInputType) input: AcceptInvitationInputType): Promise<SignInPayload> {
    const visitor = asVisitor(context);
    return asPayload(async () => ({ user: await context.services.admissions.accept(visitor, input) }), { user: null });
  }

  @Mutation(() => SignInPayload, { description: 'Makes the account of the first administrator, once, and signs him in. For everybody.' })
  setUp(@Ctx() context: RequestContext, @Arg('input', () => SetUpInputType) input: SetUpInputType): Promise<SignInPayload> {
    const visitor = asVisitor(context);
    return asPayload(async () => ({ user: await context.services.admissions.setUp(visitor, input) }), { user: null });
  }

  @Mutation(() => EndedSessionsPayload, { description: 'Ends the session that asks. For people who have signed in.' })
  signOut(@Ctx() context: RequestContext): Promise<EndedSessionsPayload> {
    const user = asUser(context);
    return asPayload(async () => {
      const endedSessionIds = await context.services.sessions.signOut(user);
      context.http?.forgetSession();
      return { endedSessionIds };
    }, NONE);
  }

  @Mutation(() => EndedSessionsPayload, { description: 'Ends one of one’s own sessions. For people who have signed in.' })
  revokeSession(@Ctx() context: RequestContext, @Arg('input', () => ReferenceInput) input: ReferenceInput): Promise<EndedSessionsPayload> {
    const user = asUser(context);
    return asPayload(async () => ({ endedSessionIds: await context.services.sessions.end(user, input.id) }), NONE);
  }

  @Mutation(() => EndedSessionsPayload, { description: 'Ends one’s own sessions but the one that asks. For people who have signed in.' })
  revokeOtherSessions(@Ctx() context: RequestContext): Promise<EndedSessionsPayload> {
    const user = asUser(context);
    return asPayload(async () => ({ endedSessionIds: await context.services.sessions.endOthers(user) }), NONE);
  }

  @Mutation(() => EndedSessionsPayload, { description: 'Changes one’s own password, and ends one’s other sessions. For people who have signed in.' })
  changePassword(@Ctx() context: RequestContext, @Arg('input', () => ChangePasswordInputType) input: ChangePasswordInputType): Promise<EndedSessionsPayload> {
    const user = asUser(context);
    return asPayload(async () => ({ endedSessionIds: await context.services.signIn.changePassword(user, input) }), NONE);
  }

  @FieldResolver(() => Boolean, { description: 'It is the one that asks.' })
  current(@Root() { id }: SessionType, @Ctx() { caller }: RequestContext): boolean {
    return caller.kind === 'admin' && caller.actor.kind === 'USER' && caller.actor.sessionId === id;
  }
}

const NONE = { endedSessionIds: [] };

/** GraphQL to sign-ins at authorisation servers, and to what has come of them. */
import { Arg, Ctx, FieldResolver, Mutation, Resolver, Root } from 'type-graphql';
import { asPayload } from '../graphql/input-refused.ts';
import { ReferenceInput } from '../graphql/reference.types.ts';
import { ServerPayload } from '../mcp-servers/mcp-server.types.ts';
import { AuthConfig } from '../mcp-servers/server-auth.types.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import { OAuthConnectionType, StartOAuthPayload } from './upstream-connection.types.ts';

@Resolver(() => AuthConfig)
export class OAuthConnectionsResolver {
  @Mutation(() => StartOAuthPayload, {
    description: 'Begins a sign-in to a server. Needs SERVER_UPDATE. Where everybody has a connection of his own, it needs a person who has signed in instead.',
  })
  startServerOAuth(@Ctx() context: RequestContext, @Arg('input', () => ReferenceInput) input: ReferenceInput): Promise<StartOAuthPayload> {
    const admin = asAdmin(context);
    return asPayload(() => context.services.signIns.start(admin, input.id), { authorizeUrl: null, expiresAt: null });
  }

  @Mutation(() => ServerPayload, {
    description:
      'Takes a connection away, from the next call on, and its tokens back. Needs SERVER_UPDATE. Where everybody has a connection of his own, it needs a person who has signed in instead.',
  })
  disconnectServerOAuth(@Ctx() context: RequestContext, @Arg('input', () => ReferenceInput) input: ReferenceInput): Promise<ServerPayload> {
    const admin = asAdmin(context);
    return asPayload(async () => ({ server: await context.services.connected.disconnect(admin, input.id) }), { server: null });
  }

  @FieldResolver(() => OAuthConnectionType, { nullable: true, description: 'The connection: where everybody has his own, that of whoever asks.' })
  async oauth(@Root() { serverId, oauthMode }: AuthConfig, @Ctx() { loaders, caller }: RequestContext): Promise<OAuthConnectionType | null> {
    if (oauthMode === null) return null;
    const isPerson = caller.kind === 'admin' && caller.actor.kind === 'USER';
    if (oauthMode === 'AUTHORIZATION_CODE_USER' && !isPerson) return null;
    const userId = oauthMode === 'AUTHORIZATION_CODE_USER' && isPerson ? caller.actor.id : null;
    const connection = await loaders.upstreamConnections.load({ serverId, userId });
    if (connection === null) return NOBODY;
    const { state, subject, scopes, expiresAt, refreshToken, registration, error } = connection;
    return {
      state,
      subject: subject ?? null,
      scopes,
      expiresAt: expiresAt ?? null,
      refreshable: registration == null || refreshToken != null,
      error: error ?? null,
    };
  }
}

const NOBODY: OAuthConnectionType = { state: 'NEEDS_SIGN_IN', subject: null, scopes: [], expiresAt: null, refreshable: false, error: null };

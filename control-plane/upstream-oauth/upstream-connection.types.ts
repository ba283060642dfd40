/** The public shape of connections to authorisation servers; no token is ever shown. */
import { Field, ID, InputType, ObjectType, registerEnumType } from 'type-graphql';
import { DateTime } from '../graphql/scalars.ts';
import { UserError } from '../graphql/user-error.types.ts';
import type { ConnectionState } from './upstream-connection.entity.ts';

const OAUTH_STATE = {
  NOT_CONNECTED: 'NOT_CONNECTED',
  CONNECTED: 'CONNECTED',
  FAILING: 'FAILING',
  SIGN_IN_EXPIRED: 'SIGN_IN_EXPIRED',
  NEEDS_SIGN_IN: 'NEEDS_SIGN_IN',
} as const satisfies { [State in ConnectionState]: State };
registerEnumType(OAUTH_STATE, {
  name: 'OAuthState',
  description:
    'NOT_CONNECTED: the first token is still to come. FAILING: the authorisation server gives none at present, and is asked again. SIGN_IN_EXPIRED: somebody must sign in anew. NEEDS_SIGN_IN: nobody has yet.',
});

@InputType({ description: 'A token that does not serve any more.' })
export class RenewUpstreamTokenInput {
  @Field(() => ID, { description: 'The server that it is for.' })
  serverId!: string;

  @Field(() => ID, { nullable: true, description: 'The user whose it is; none for one of the whole organisation.' })
  userId!: string | null;

  @Field(() => String, { nullable: true, description: 'Its name; none when there is none.' })
  token!: string | null;
}

@ObjectType({ description: 'What became of a token that does not serve any more.' })
export class RenewUpstreamTokenPayload {
  @Field(() => OAUTH_STATE, { nullable: true, description: 'How the connection is.' })
  state!: ConnectionState | null;

  @Field(() => String, { nullable: true, description: 'The name of its newest token, which comes with the configuration.' })
  token!: string | null;

  @Field(() => [UserError], { description: 'What was wrong with the input.' })
  userErrors!: UserError[];
}

@ObjectType('OAuthConnection', { description: 'A connection to an authorisation server; its tokens are never shown.' })
export class OAuthConnectionType {
  @Field(() => OAUTH_STATE, { description: 'How it is.' })
  state!: ConnectionState;

  @Field(() => String, { nullable: true, description: 'Whom the authorisation server says that it is, if it does.' })
  subject!: string | null;

  @Field(() => [String], { description: 'What its tokens permit, as far as that is known.' })
  scopes!: string[];

  @Field(() => DateTime, { nullable: true, description: 'When the present token expires; the next one comes before.' })
  expiresAt!: Date | null;

  @Field(() => Boolean, { description: 'Whether tokens are renewed without anybody signing in.' })
  refreshable!: boolean;

  @Field(() => String, { nullable: true, description: 'Why there was no token at the last try.' })
  error!: string | null;
}

@ObjectType({ description: 'Where to sign in.' })
export class StartOAuthPayload {
  @Field(() => String, { nullable: true, description: 'To be opened in the browser that is signed in here, once.' })
  authorizeUrl!: string | null;

  @Field(() => DateTime, { nullable: true, description: 'Until when.' })
  expiresAt!: Date | null;

  @Field(() => [UserError], { description: 'What was wrong with the input.' })
  userErrors!: UserError[];
}

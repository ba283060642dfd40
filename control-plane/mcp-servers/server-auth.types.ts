/** The public shape of how Turnpike signs in upstream: everything but the secrets. */
import { Field, ObjectType, registerEnumType } from 'type-graphql';
import { DateTime } from '../graphql/scalars.ts';

export const AUTH_TYPE = {
  NONE: 'NONE',
  BEARER: 'BEARER',
  BASIC: 'BASIC',
  API_KEY: 'API_KEY',
  OAUTH2: 'OAUTH2',
  OAUTH2_PASSTHROUGH: 'OAUTH2_PASSTHROUGH',
} as const;
registerEnumType(AUTH_TYPE, { name: 'McpAuthType', description: 'How Turnpike signs in upstream.' });
export const OAUTH2_MODE = {
  CLIENT_CREDENTIALS: 'CLIENT_CREDENTIALS',
  AUTHORIZATION_CODE_ORG: 'AUTHORIZATION_CODE_ORG',
  AUTHORIZATION_CODE_USER: 'AUTHORIZATION_CODE_USER',
} as const;
registerEnumType(OAUTH2_MODE, {
  name: 'OAuth2Mode',
  description:
    'Whose sign-in tokens come from: Turnpike’s own, one person’s for the whole organisation, or that of the user whose key calls, which must be one of type USER.',
});
@ObjectType({ description: 'What may be known of a secret.' })
export class SecretField {
  @Field(() => String, { description: 'Such as `auth.token` or `stdioEnv.API_TOKEN`.' })
  name!: string;

  @Field(() => Boolean, { description: 'Whether there is one.' })
  set!: boolean;

  @Field(() => String, { nullable: true, description: 'Eight hex digits of a keyed hash: changes when the secret does.' })
  fingerprint!: string | null;

  @Field(() => DateTime, { nullable: true, description: 'When it was set.' })
  updatedAt!: Date | null;
}

@ObjectType({ description: 'How Turnpike signs in upstream; secrets are written, never read.' })
export class AuthConfig {
  @Field(() => AUTH_TYPE, { description: 'The way.' })
  type!: keyof typeof AUTH_TYPE;

  @Field(() => Boolean, { description: 'Whether all that the type needs is there.' })
  configured!: boolean;

  @Field(() => String, { nullable: true, description: 'The header of an API key.' })
  header!: string | null;

  @Field(() => String, { nullable: true, description: 'The user name of basic authentication.' })
  username!: string | null;

  @Field(() => OAUTH2_MODE, { nullable: true, description: 'Whose sign-in OAuth tokens come from.' })
  oauthMode!: keyof typeof OAUTH2_MODE | null;

  @Field(() => String, { nullable: true, description: 'Where OAuth tokens are given.' })
  tokenUrl!: string | null;

  @Field(() => String, { nullable: true, description: 'What the authorisation server knows Turnpike as.' })
  clientId!: string | null;

  @Field(() => String, { nullable: true, description: 'What OAuth tokens are to permit.' })
  scope!: string | null;

  @Field(() => String, { nullable: true, description: 'Whom OAuth tokens are for.' })
  audience!: string | null;

  @Field(() => String, { nullable: true, description: 'The resource that OAuth tokens are for.' })
  resource!: string | null;

  @Field(() => [SecretField], { description: 'Its secrets, as far as they may be known.' })
  secretFields!: SecretField[];

  /** Whose connection the fields below it look for. */
  serverId!: string;
}

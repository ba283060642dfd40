/** The inputs that carry secrets: upstream auth and the environment of programs. */
import { Field, InputType } from 'type-graphql';
import type { OAuth2Mode } from '../../shared/mcp-server.ts';
import { Secret } from '../graphql/scalars.ts';
import { OAUTH2_MODE } from './server-auth.types.ts';

@InputType({ description: 'A bearer token.' })
export class BearerAuthInput {
  @Field(() => Secret, { description: 'Sent as `Authorization: Bearer …`.' })
  token!: string;
}

@InputType({ description: 'User name and password.' })
export class BasicAuthInput {
  @Field(() => String, { description: 'The user name.' })
  username!: string;

  @Field(() => Secret, { description: 'The password.' })
  password!: string;
}

@InputType({ description: 'A key in a header of its own.' })
export class HeaderAuthInput {
  @Field(() => String, { description: 'The header.' })
  header!: string;

  @Field(() => Secret, { description: 'Its value.' })
  value!: string;
}

@InputType({ description: 'Access tokens of an authorisation server, which are renewed by themselves.' })
export class OAuth2AuthInput {
  @Field(() => OAUTH2_MODE, { description: 'Whose sign-in they come from.' })
  mode!: OAuth2Mode;

  @Field(() => String, { nullable: true, description: 'With CLIENT_CREDENTIALS: where they are given. Else it is found out.' })
  tokenUrl!: string | null;

  @Field(() => String, { nullable: true, description: 'What the authorisation server knows Turnpike as; else Turnpike registers itself.' })
  clientId!: string | null;

  @Field(() => Secret, { nullable: true, description: 'The secret of that client.' })
  clientSecret!: string | null;

  @Field(() => String, { nullable: true, description: 'What they are to permit, with spaces between; else what the server asks for.' })
  scope!: string | null;

  @Field(() => String, { nullable: true, description: 'Whom they are for, where the authorisation server wants to be told so.' })
  audience!: string | null;

  @Field(() => String, { nullable: true, description: 'The resource that they are for (RFC 8707).' })
  resource!: string | null;
}

@InputType({ description: 'Exactly one way to sign in upstream.' })
export class AuthConfigInput {
  @Field(() => Boolean, { nullable: true, description: 'Not at all.' })
  none!: boolean | null;

  @Field(() => BearerAuthInput, { nullable: true, description: 'With a bearer token.' })
  bearer!: BearerAuthInput | null;

  @Field(() => BasicAuthInput, { nullable: true, description: 'With user name and password.' })
  basic!: BasicAuthInput | null;

  @Field(() => HeaderAuthInput, { nullable: true, description: 'With a key in a header.' })
  apiKey!: HeaderAuthInput | null;

  @Field(() => OAuth2AuthInput, { nullable: true, description: 'With tokens that Turnpike gets.' })
  oauth2!: OAuth2AuthInput | null;

  @Field(() => Boolean, { nullable: true, description: 'With what each caller sends in X-Upstream-Authorization.' })
  passthrough!: boolean | null;
}

@InputType({ description: 'An environment variable, whose value is a secret.' })
export class SecretEntryInput {
  @Field(() => String, { description: 'The name.' })
  name!: string;

  @Field(() => Secret, { description: 'The value.' })
  value!: string;
}

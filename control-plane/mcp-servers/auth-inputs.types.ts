/** The inputs that carry secrets: upstream auth and the environment of programs. */
import { Field, InputType } from 'type-graphql';
import { Secret } from '../graphql/scalars.ts';

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
}

@InputType({ description: 'An environment variable, whose value is a secret.' })
export class SecretEntryInput {
  @Field(() => String, { description: 'The name.' })
  name!: string;

  @Field(() => Secret, { description: 'The value.' })
  value!: string;
}

/** The public shape of virtual keys: a prefix, never a secret, but in the one answer that makes it. */
import { Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { DenialStyle } from '../../shared/mcp-server.ts';
import { connectionOf } from '../graphql/connection.ts';
import { DateTime, Json, JsonObject } from '../graphql/scalars.ts';
import { UserError } from '../graphql/user-error.types.ts';
import { Node } from '../nodes/node.types.ts';
import { DENIAL_STYLE } from '../organisations/organisation.types.ts';

export const API_KEY_TYPE = { ORGANISATION: 'ORGANISATION', TEAM: 'TEAM' } as const;
registerEnumType(API_KEY_TYPE, { name: 'ApiKeyType', description: 'Whose the key is: the organisation’s, or a team’s.' });

export const API_KEY_STATUS = { ACTIVE: 'ACTIVE', ROTATING: 'ROTATING', EXPIRED: 'EXPIRED', DISABLED: 'DISABLED', REVOKED: 'REVOKED' } as const;
registerEnumType(API_KEY_STATUS, { name: 'ApiKeyStatus', description: 'ROTATING: the old secret still works until `graceUntil`. REVOKED is final.' });
export type ApiKeyStatus = keyof typeof API_KEY_STATUS;

@ObjectType('ApiKey', { implements: Node, description: 'A virtual API key: the identity of an agent or application at run time.' })
export class ApiKeyType {
  @Field(() => ID, { description: 'Of the form `key_…`.' })
  id!: string;

  @Field(() => String, { description: 'For people.' })
  name!: string;

  @Field(() => API_KEY_TYPE, { description: 'Whose it is.' })
  type!: string;

  @Field(() => String, { description: 'The part of the key that may be seen: `vk_…`.' })
  prefix!: string;

  @Field(() => API_KEY_STATUS, { description: 'Whether it works.' })
  status?: ApiKeyStatus;

  @Field(() => ID, { nullable: true, description: 'The team of a team’s key.' })
  teamId?: string | null | undefined;

  @Field(() => DENIAL_STYLE, { nullable: true, description: 'How its refused calls are written; null leaves it to the server.' })
  denialStyle?: DenialStyle | null | undefined;

  @Field(() => DateTime, { nullable: true, description: 'When it ends.' })
  expiresAt?: Date | null | undefined;

  @Field(() => DateTime, { nullable: true, description: 'Until when the secret before the last rotation works.' })
  graceUntil?: Date | null | undefined;

  @Field(() => DateTime, { nullable: true, description: 'When it was revoked.' })
  revokedAt?: Date | null | undefined;

  @Field(() => DateTime, { nullable: true, description: 'The last recorded request with it.' })
  lastUsedAt?: Date | null | undefined;

  @Field(() => JsonObject, { description: 'Whatever its owner notes.' })
  metadata!: Record<string, unknown>;

  @Field(() => Int, { description: 'Grows with every change; give it as `expectedVersion`.' })
  version!: number;

  @Field(() => DateTime, { description: 'When it was made.' })
  createdAt!: Date;

  @Field(() => DateTime, { description: 'When it was last changed.' })
  updatedAt!: Date;
}

export const ApiKeyConnection = connectionOf('ApiKey', () => ApiKeyType);

@InputType('CreateApiKeyInput', { description: 'A new virtual key.' })
export class CreateApiKeyInputType {
  @Field(() => String, { description: 'For people.' })
  name!: string;

  @Field(() => API_KEY_TYPE, { description: 'Whose it is.' })
  type!: 'ORGANISATION' | 'TEAM';

  @Field(() => ID, { nullable: true, description: 'The team of a team’s key.' })
  ownerId!: string | null;

  @Field(() => DateTime, { nullable: true, description: 'When it ends.' })
  expiresAt!: Date | null;

  @Field(() => [ID], { nullable: true, description: 'Servers that it may call from the start.' })
  grantServerIds!: string[] | null;

  @Field(() => Json, { nullable: true, description: 'Its policy, as in `setPolicy`.' })
  policy!: unknown;

  @Field(() => DENIAL_STYLE, { nullable: true, description: 'How its refused calls are written.' })
  denialStyle!: DenialStyle | null;

  @Field(() => JsonObject, { nullable: true, description: 'Whatever its owner notes.' })
  metadata!: Record<string, unknown> | null;
}

@InputType('RotateApiKeyInput', { description: 'Which key gets a new secret.' })
export class RotateApiKeyInputType {
  @Field(() => ID, { description: 'The key.' })
  id!: string;

  @Field(() => Int, { defaultValue: 86_400, description: 'For how many seconds the old secret works on.' })
  graceSeconds!: number;
}

@InputType({ description: 'Which object, and optionally in which version.' })
export class IdInput {
  @Field(() => ID, { description: 'The object.' })
  id!: string;

  @Field(() => Int, { nullable: true, description: 'Refused with STALE_VERSION when the object has another version.' })
  expectedVersion!: number | null;
}

@ObjectType({ description: 'The key as it stands now.' })
export class ApiKeyPayload {
  @Field(() => ApiKeyType, { nullable: true, description: 'Null when the input was refused.' })
  apiKey!: ApiKeyType | null;

  @Field(() => [UserError], { description: 'What is wrong with the input.' })
  userErrors!: UserError[];
}

@ObjectType({ description: 'The key with its secret, which is in this answer and nowhere else.' })
export class ApiKeySecretPayload {
  @Field(() => ApiKeyType, { nullable: true, description: 'Null when the input was refused.' })
  apiKey!: ApiKeyType | null;

  @Field(() => String, { nullable: true, description: 'Shown this once: only a keyed hash is kept.' })
  secret!: string | null;

  @Field(() => [UserError], { description: 'What is wrong with the input.' })
  userErrors!: UserError[];
}

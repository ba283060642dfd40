/** The public shape of virtual keys: a prefix, never a secret, but in the one answer that makes it. */
import { Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { DenialStyle } from '../../shared/mcp-server.ts';
import { connectionOf } from '../graphql/connection.ts';
import { DateTime, Json, JsonObject } from '../graphql/scalars.ts';
import { UserError } from '../graphql/user-error.types.ts';
import { Node } from '../nodes/node.types.ts';
import { DENIAL_STYLE } from '../organisations/organisation.types.ts';
import { UserType } from '../members/user.types.ts';
import type { ApiKeyStatus } from './api-key-status.ts';

export const API_KEY_TYPE = { ORGANISATION: 'ORGANISATION', TEAM: 'TEAM', USER: 'USER' } as const;
registerEnumType(API_KEY_TYPE, { name: 'ApiKeyType', description: 'Whose the key is: the organisation’s, a team’s, or a person’s.' });

export const API_KEY_STATUS = { ACTIVE: 'ACTIVE', ROTATING: 'ROTATING', EXPIRED: 'EXPIRED', DISABLED: 'DISABLED', REVOKED: 'REVOKED' } as const satisfies {
  [Status in ApiKeyStatus]: Status;
};
registerEnumType(API_KEY_STATUS, { name: 'ApiKeyStatus', description: 'ROTATING: the old secret still works until `graceUntil`. REVOKED is final.' });

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

  @Field(() => ID, { nullable: true, description: 'The person of a person’s key.' })
  userId?: string | null | undefined;

  @Field(() => DENIAL_STYLE, { nullable: true, description: 'How its refused calls are written; null leaves it to the server.' })
  denialStyle?: DenialStyle | null | undefined;

  @Field(() => DateTime, { nullable: true, description: 'When it ends.' })
  expiresAt?: Date | null | undefined;

  @Field(() => DateTime, { nullable: true, description: 'Until when the secret before the last rotation works.' })
  graceUntil?: Date | null | undefined;

  @Field(() => ID, { nullable: true, description: 'The agent that it is bound to.' })
  agentId?: string | null | undefined;

  @Field(() => String, { nullable: true, description: 'The prefix that it had before the last rotation.' })
  rotatedFrom?: string | null | undefined;

  @Field(() => DateTime, { nullable: true, description: 'When it was switched off; null while it is on.' })
  disabledAt?: Date | null | undefined;

  @Field(() => DateTime, { nullable: true, description: 'When it was revoked.' })
  revokedAt?: Date | null | undefined;

  @Field(() => DateTime, { nullable: true, description: 'The last recorded request with it.' })
  lastUsedAt?: Date | null | undefined;

  @Field(() => JsonObject, { description: 'Whatever its owner notes.' })
  metadata!: Record<string, unknown>;

  @Field(() => UserType, { nullable: true, description: 'Who made it; null for a token, and for somebody who is gone.' })
  createdBy?: unknown;

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
  type!: keyof typeof API_KEY_TYPE;

  @Field(() => ID, { nullable: true, description: 'The team of a team’s key, or the person of a person’s.' })
  ownerId!: string | null;

  @Field(() => ID, { nullable: true, description: 'The agent that it is bound to: it may call that agent’s servers only, whatever its client says of itself.' })
  agentId!: string | null;

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

  @Field(() => DateTime, {
    nullable: true,
    description: 'When the key ends from now on, null for never; what is not given stays. A key that has expired needs it.',
  })
  expiresAt!: Date | null | undefined;

  @Field(() => Int, { nullable: true, description: 'Refused with STALE_VERSION when the key has another version.' })
  expectedVersion!: number | null;
}

@InputType('UpdateApiKeyInput', { description: 'What changes of a key; what is not given stays.' })
export class UpdateApiKeyInputType {
  @Field(() => ID, { description: 'The key.' })
  id!: string;

  @Field(() => String, { nullable: true, description: 'For people.' })
  name!: string | null;

  @Field(() => DateTime, { nullable: true, description: 'When it ends; null for never. A key that has expired is extended only by rotation.' })
  expiresAt!: Date | null | undefined;

  @Field(() => ID, { nullable: true, description: 'The agent that it is bound to; null binds it to none.' })
  agentId!: string | null | undefined;

  @Field(() => DENIAL_STYLE, { nullable: true, description: 'How its refused calls are written; null leaves it to the server.' })
  denialStyle!: DenialStyle | null | undefined;

  @Field(() => JsonObject, { nullable: true, description: 'Whatever its owner notes.' })
  metadata!: Record<string, unknown> | null;

  @Field(() => Int, { nullable: true, description: 'Refused with STALE_VERSION when the key has another version.' })
  expectedVersion!: number | null;

  @Field(() => Boolean, { defaultValue: false, description: 'Answers what would be, and changes nothing.' })
  dryRun!: boolean;
}

@InputType('SetApiKeyDisabledInput', { description: 'Whether a key is switched off.' })
export class SetApiKeyDisabledInputType {
  @Field(() => ID, { description: 'The key.' })
  id!: string;

  @Field(() => Boolean, { description: 'True switches it off, false on again.' })
  disabled!: boolean;

  @Field(() => Int, { nullable: true, description: 'Refused with STALE_VERSION when the key has another version.' })
  expectedVersion!: number | null;

  @Field(() => Boolean, { defaultValue: false, description: 'Answers what would be, and changes nothing.' })
  dryRun!: boolean;
}

@InputType('ApiKeyFilter', { description: 'All that is given must hold; a list holds when one of its members does.' })
export class ApiKeyFilterType {
  @Field(() => String, { nullable: true, description: 'Part of name or prefix, whatever its case.' })
  search!: string | null;

  @Field(() => [API_KEY_TYPE], { nullable: true, description: 'Whose they are.' })
  type!: (keyof typeof API_KEY_TYPE)[] | null;

  @Field(() => [API_KEY_STATUS], { nullable: true, description: 'Whether they work.' })
  status!: ApiKeyStatus[] | null;

  @Field(() => [ID], { nullable: true, description: 'Their teams.' })
  teamId!: string[] | null;

  @Field(() => [ID], { nullable: true, description: 'Their users.' })
  userId!: string[] | null;

  @Field(() => [ID], { nullable: true, description: 'Servers that they have a grant for.' })
  serverId!: string[] | null;

  @Field(() => [ID], { nullable: true, description: 'Agents that they are bound to.' })
  agentId!: string[] | null;

  @Field(() => DateTime, { nullable: true, description: 'Without a recorded request since then.' })
  unusedSince!: Date | null;
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

/** Errors that a person can mend: which field, what is wrong with it, and what to do. */
import { Field, ObjectType, registerEnumType } from 'type-graphql';

export const USER_ERROR_CODES = {
  INVALID: 'INVALID',
  REQUIRED: 'REQUIRED',
  UNKNOWN_FIELD: 'UNKNOWN_FIELD',
  TOO_LONG: 'TOO_LONG',
  TOO_SMALL: 'TOO_SMALL',
  TOO_LARGE: 'TOO_LARGE',
  OUT_OF_RANGE: 'OUT_OF_RANGE',
  CONFLICT: 'CONFLICT',
  TAKEN: 'TAKEN',
  NOT_FOUND: 'NOT_FOUND',
  STALE_VERSION: 'STALE_VERSION',
  PATTERN_UNSAFE: 'PATTERN_UNSAFE',
  STDIO_NOT_ALLOWED: 'STDIO_NOT_ALLOWED',
  PRIVATE_ADDRESS: 'PRIVATE_ADDRESS',
  AUTH_INCOMPLETE: 'AUTH_INCOMPLETE',
  UPSTREAM_FAILED: 'UPSTREAM_FAILED',
  DATA_PLANE_UNREACHABLE: 'DATA_PLANE_UNREACHABLE',
  ALREADY_REVOKED: 'ALREADY_REVOKED',
  ALREADY_DECIDED: 'ALREADY_DECIDED',
  DENIES_ALL: 'DENIES_ALL',
  MANAGED_BY_FILE: 'MANAGED_BY_FILE',
} as const;
export type UserErrorCode = keyof typeof USER_ERROR_CODES;
registerEnumType(USER_ERROR_CODES, { name: 'UserErrorCode', description: 'What kind of fault an input has.' });

@ObjectType({ description: 'A fault of an input that whoever sent it can mend.' })
export class UserError {
  @Field(() => [String], { nullable: true, description: 'Path of the input field, or null when no single field is at fault.' })
  field!: readonly string[] | null;

  @Field(() => String, { description: 'What is wrong, for a person.' })
  message!: string;

  @Field(() => USER_ERROR_CODES, { description: 'What is wrong, for a program.' })
  code!: UserErrorCode;

  @Field(() => String, { nullable: true, description: 'What to do about it.' })
  hint!: string | null;
}

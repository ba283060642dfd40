/** How a service says that an input is at fault, and how a resolver turns that into a payload. */
import { UniqueConstraintViolationException } from '@mikro-orm/core';
import type { z } from 'zod';
import type { UserError, UserErrorCode } from './user-error.types.ts';

/** Thrown by services; rolls back the transaction that it is thrown in. */
export class InputRefused extends Error {
  override readonly name = 'InputRefused';
  readonly userErrors: readonly UserError[];

  constructor(userErrors: readonly UserError[]) {
    super(userErrors.map(({ message }) => message).join('; '));
    this.userErrors = userErrors;
  }
}

export function refuseInput(field: readonly string[] | null, code: UserErrorCode, message: string, hint: string | null = null): InputRefused {
  return new InputRefused([{ field, code, message, hint }]);
}

/** Another organisation's object is refused exactly so. */
export function notFound(field: string | readonly string[], noun: string): InputRefused {
  return refuseInput(typeof field === 'string' ? [field] : field, 'NOT_FOUND', `there is no such ${noun}`);
}

/** The payload of a mutation: what the work yields, or `empty` with the faults of the input. */
export async function asPayload<Full extends object, Empty extends { [Field in keyof Full]: unknown }>(
  work: () => Promise<Full>,
  empty: Empty,
): Promise<(Full | Empty) & { userErrors: UserError[] }> {
  try {
    return { ...(await work()), userErrors: [] };
  } catch (error) {
    if (error instanceof InputRefused) return { ...empty, userErrors: [...error.userErrors] };
    if (error instanceof UniqueConstraintViolationException) return { ...empty, userErrors: [takenInBetween(error)] };
    throw error;
  }
}

/** Services look before they write; this is for two who looked at the same moment. */
function takenInBetween(violation: UniqueConstraintViolationException): UserError {
  if (/_slug_key/.test(violation.message)) return { field: ['slug'], code: 'TAKEN', message: 'the slug is taken', hint: null };
  return { field: null, code: 'CONFLICT', message: 'somebody else made it at the same moment', hint: 'read it again, then decide' };
}

/** Parses an input with a schema; every fault becomes a user error, at its own path. */
export function parseInput<Schema extends z.ZodType>(schema: Schema, input: unknown, at: readonly string[] = []): z.infer<Schema> {
  const reading = schema.safeParse(input);
  if (reading.success) return reading.data;
  throw new InputRefused(
    reading.error.issues.map((issue) => ({ field: [...at, ...issue.path.map(String)], message: messageOf(issue), code: codeOf(issue), hint: null })),
  );
}

function codeOf(issue: z.core.$ZodIssue): UserErrorCode {
  switch (issue.code) {
    case 'unrecognized_keys':
      return 'UNKNOWN_FIELD';
    case 'too_big':
      return issue.origin === 'string' || issue.origin === 'array' ? 'TOO_LONG' : 'TOO_LARGE';
    case 'too_small':
      return issue.origin === 'string' || issue.origin === 'array' ? 'REQUIRED' : 'TOO_SMALL';
    default:
      return 'INVALID';
  }
}

/** The value itself is never part of a message: inputs carry secrets. */
function messageOf(issue: z.core.$ZodIssue): string {
  return issue.code === 'unrecognized_keys' ? `unknown keys: ${issue.keys.join(', ')}` : issue.message;
}

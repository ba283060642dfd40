/** The exceptional errors of the API, and how every error looks from outside: a code, the request's id, and nothing that leaks. */
import { GraphQLError, type GraphQLFormattedError } from 'graphql/index.js';
import type { Logger } from 'pino';
import { WindowCountsUnavailable } from '../../shared/window-counts.ts';
import type { Permission } from '../access/permissions.ts';

/** Errors that a client may be told in full; everything else is a bug or an outage. */
const TELLABLE: ReadonlySet<string> = new Set([
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'BAD_USER_INPUT',
  'QUERY_TOO_COMPLEX',
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'OPERATION_RESOLUTION_FAILURE',
  'BAD_REQUEST',
  'PERSISTED_QUERY_NOT_SUPPORTED',
  'SERVICE_UNAVAILABLE',
  'RATE_LIMITED',
  'DEADLINE_EXCEEDED',
  'CONFLICT',
  'IDEMPOTENCY_KEY_REUSED',
  'IDEMPOTENCY_ANSWER_LOST',
]);

/** Errors in the words of the GraphQL library. */
const OF_THE_LIBRARY: ReadonlySet<string> = new Set(['GRAPHQL_PARSE_FAILED', 'GRAPHQL_VALIDATION_FAILED']);
/** Codes of PostgreSQL for text that it cannot keep, such as NUL or half of a surrogate pair. */
const UNSTORABLE: ReadonlySet<string> = new Set(['22021', '22P05']);
/** Codes of PostgreSQL for two changes that came into each other's way, as when what one refers to was just removed: one was given up, and can be made again. */
const COLLISIONS: ReadonlySet<string> = new Set(['40001', '40P01', '55P03', '23503']);
const OUTAGES: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'ETIMEDOUT', '57P01', '57P02', '57P03', '08006', '08001', '53300']);

export function unauthenticated(why: string): GraphQLError {
  return new GraphQLError(`not signed in: ${why}`, { extensions: { code: 'UNAUTHENTICATED' } });
}

export function forbidden(permission: Permission | 'data plane' | 'administrator' | 'a person who has signed in' | 'SUPER_ADMIN'): GraphQLError {
  return new GraphQLError(`this needs ${permission}`, { extensions: { code: 'FORBIDDEN', permission } });
}

/** A request that another site's page may have sent in the name of whoever looks at it. */
export function noForgery(): GraphQLError {
  return new GraphQLError('send the header Turnpike-CSRF: 1', { extensions: { code: 'FORBIDDEN' } });
}

export function rateLimited(message: string, retryAfterSeconds: number): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'RATE_LIMITED', retryAfter: retryAfterSeconds } });
}

export function badInput(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } });
}

/** Of a change that may have been made, and must not be made twice. */
export function underWayAlready(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'CONFLICT' } });
}

/** Of a change that was made, at least in part, by a plane that ended before it could keep the answer. */
export function answerLost(firstRequestId: string | null): GraphQLError {
  const message = 'this was done, at least in part, and its answer is lost; see what was done in auditEvents, and take a new key for what is missing';
  return new GraphQLError(message, { extensions: { code: 'IDEMPOTENCY_ANSWER_LOST', firstRequestId } });
}

/** Of another change under the key of an earlier one. */
export function keyReused(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'IDEMPOTENCY_KEY_REUSED' } });
}

export function tooComplex(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'QUERY_TOO_COMPLEX' } });
}

/** What leaves: known errors as they are, without stack; unknown ones as `INTERNAL_SERVER_ERROR`, with the cause in the log. */
export function formatError(formatted: GraphQLFormattedError, error: unknown, requestId: string, log: Logger): GraphQLFormattedError {
  const { stacktrace: _hidden, code, ...extensions } = formatted.extensions ?? {};
  const place = {
    ...(formatted.locations === undefined ? {} : { locations: formatted.locations }),
    ...(formatted.path === undefined ? {} : { path: formatted.path }),
  };
  if (typeof code === 'string' && TELLABLE.has(code))
    return {
      message: OF_THE_LIBRARY.has(code) ? withoutValues(formatted.message) : formatted.message,
      ...place,
      extensions: { requestId, ...extensions, code },
    };
  const cause = error instanceof GraphQLError ? (error.originalError ?? error) : error;
  const told = toldOf(cause);
  if (told === INTERNAL) log.error({ err: cause, requestId }, 'a GraphQL operation failed');
  else log.warn({ err: cause, requestId }, told.message);
  return { message: told.message, ...place, extensions: { code: told.code, requestId } };
}

/** Cuts out of the library's sentences the values, which repeat what was sent and may be secrets in the wrong place, and what there is of similar names. */
export function withoutValues(message: string): string {
  if (message.startsWith('Syntax Error')) return message.replace(/((?:Block)?String) ".*$/s, '$1');
  return message
    .replace(/ Did you mean .*\?$/s, '')
    .replace(/(cannot represent [^:]*):.*$/s, '$1')
    .replace(/(invalid date-time-string) .*$/s, '$1')
    .replace(/, found .*$/s, '');
}

interface Told {
  readonly code: string;
  readonly message: string;
}

const INTERNAL: Told = { code: 'INTERNAL_SERVER_ERROR', message: 'Turnpike failed to handle the request' };

function toldOf(cause: unknown): Told {
  if (cause instanceof WindowCountsUnavailable) return { code: 'SERVICE_UNAVAILABLE', message: cause.message };
  const code = codeOf(cause);
  if (UNSTORABLE.has(code)) return { code: 'BAD_USER_INPUT', message: 'the input holds characters that cannot be stored' };
  if (COLLISIONS.has(code)) return { code: 'CONFLICT', message: 'another change came in between; try again' };
  if (OUTAGES.has(code)) return { code: 'SERVICE_UNAVAILABLE', message: 'the database does not answer' };
  return INTERNAL;
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
}

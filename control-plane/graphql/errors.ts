/** The exceptional errors of the API, and how every error looks from outside: a code, the request's id, and nothing that leaks. */
import { GraphQLError, type GraphQLFormattedError } from 'graphql/index.js';
import type { Logger } from 'pino';
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
]);

export function unauthenticated(why: string): GraphQLError {
  return new GraphQLError(`not signed in: ${why}`, { extensions: { code: 'UNAUTHENTICATED' } });
}

export function forbidden(permission: Permission | 'data plane' | 'administrator'): GraphQLError {
  return new GraphQLError(`this needs ${permission}`, { extensions: { code: 'FORBIDDEN', permission } });
}

export function badInput(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } });
}

export function tooComplex(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'QUERY_TOO_COMPLEX' } });
}

/** What leaves: known errors as they are, without stack; unknown ones as `INTERNAL_SERVER_ERROR`, with the cause in the log. */
export function formatError(formatted: GraphQLFormattedError, error: unknown, requestId: string, log: Logger): GraphQLFormattedError {
  const code = String(formatted.extensions?.['code'] ?? 'INTERNAL_SERVER_ERROR');
  const place = { ...(formatted.locations === undefined ? {} : { locations: formatted.locations }), ...(formatted.path === undefined ? {} : { path: formatted.path }) };
  if (TELLABLE.has(code)) {
    const { stacktrace: _hidden, ...extensions } = formatted.extensions ?? {};
    return { message: formatted.message, ...place, extensions: { ...extensions, code, requestId } };
  }
  const cause = error instanceof GraphQLError ? (error.originalError ?? error) : error;
  log.error({ err: cause, requestId }, 'a GraphQL operation failed');
  if (isOutage(cause)) return { message: 'the database does not answer', ...place, extensions: { code: 'SERVICE_UNAVAILABLE', requestId } };
  return { message: 'Turnpike failed to handle the request', ...place, extensions: { code: 'INTERNAL_SERVER_ERROR', requestId } };
}

const OUTAGES: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'ETIMEDOUT', '57P01', '57P03', '08006', '08001', '53300']);

function isOutage(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' && OUTAGES.has(cause.code);
}

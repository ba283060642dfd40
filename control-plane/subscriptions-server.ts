/** Subscriptions, and any other operation, over graphql-ws: authenticated at connect, limited like HTTP, checked again while open. */
import type { Server } from 'node:http';
import { execute, GraphQLError, parse, specifiedRules, subscribe, validate, type GraphQLFormattedError } from 'graphql/index.js';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import { newId } from '../shared/ids.ts';
import type { GraphqlParts } from './graphql-server.ts';
import { formatError } from './graphql/errors.ts';
import { requireAffordable, shapeRule, TOKENS_MAX } from './graphql/limits.ts';
import type { RequestContext } from './request-context.ts';

const MESSAGE_BYTES_MAX = 65_536;
const INIT_TIMEOUT_MILLIS = 3000;
const PING_MILLIS = 12_000;
/** How soon a socket whose token has expired or was revoked is closed. */
const RECHECK_MILLIS = 15_000;
const OPERATIONS_PER_SOCKET_MAX = 50;
const EXPIRED_CLOSE_CODE = 4410;

/** What a socket carries besides graphql-ws's own. */
type SocketExtra = Record<PropertyKey, unknown> & {
  authorization?: string | undefined;
  operations?: number;
};

export function serveSubscriptions(
  parts: GraphqlParts,
  server: Server,
  path: string,
  makeContext: (authorization: string | undefined) => Promise<RequestContext>,
): { close(): Promise<void> } {
  const sockets = new WebSocketServer({ server, path, maxPayload: MESSAGE_BYTES_MAX });
  const checks = new Set<NodeJS.Timeout>();
  const disposable = useServer<Record<string, unknown>, SocketExtra>(
    {
      connectionInitWaitTimeout: INIT_TIMEOUT_MILLIS,
      onConnect: async (context) => {
        const authorization = authorizationIn(context.connectionParams);
        const { caller } = await makeContext(authorization);
        if (caller.kind === 'anonymous') {
          context.extra.socket.close(4401, `Unauthorized: ${caller.why}`.slice(0, 120));
          return false;
        }
        context.extra.authorization = authorization;
        const check = setInterval(() => {
          makeContext(authorization).then(
            (now) => {
              if (now.caller.kind === 'anonymous') context.extra.socket.close(EXPIRED_CLOSE_CODE, 'Token expired');
            },
            (error: unknown) => parts.log.debug({ err: error }, 'a token could not be checked again'),
          );
        }, RECHECK_MILLIS);
        checks.add(check);
        context.extra.socket.once('close', () => {
          clearInterval(check);
          checks.delete(check);
        });
        return true;
      },
      onSubscribe: async (context, _id, payload) => {
        context.extra.operations = (context.extra.operations ?? 0) + 1;
        if (context.extra.operations > OPERATIONS_PER_SOCKET_MAX) {
          context.extra.operations--;
          return [new GraphQLError(`more than ${OPERATIONS_PER_SOCKET_MAX} operations at once on one socket`, { extensions: { code: 'QUERY_TOO_COMPLEX' } })];
        }
        const prepared = prepare(parts, payload);
        if (Array.isArray(prepared)) return prepared.map((error) => new GraphQLError(error.message, { extensions: error.extensions }));
        return { schema: parts.schema, ...prepared, contextValue: await makeContext(context.extra.authorization) };
      },
      onComplete: (context) => {
        context.extra.operations = Math.max(0, (context.extra.operations ?? 1) - 1);
      },
      onError: (_context, _id, _payload, errors) => errors.map((error) => told(error, parts)),
      onNext: (_context, _id, _payload, _args, result) => (result.errors === undefined ? undefined : { data: result.data ?? null, errors: result.errors.map((error) => told(error, parts)) }),
      execute,
      subscribe,
    },
    sockets,
    PING_MILLIS,
  );
  return {
    close: async () => {
      for (const check of checks) clearInterval(check);
      for (const socket of sockets.clients) socket.close(1001, 'Going away');
      await disposable.dispose();
    },
  };
}

/** An error as a client may know it; the cause of an unknown one goes into the log. */
function told(error: GraphQLError, parts: GraphqlParts): GraphQLFormattedError {
  return formatError({ message: error.message, extensions: error.extensions }, error, newId('request'), parts.log);
}

/** Parses and judges an operation before any of it runs; answers the errors instead when it may not. */
function prepare(parts: GraphqlParts, payload: { query: string; variables?: Record<string, unknown> | null | undefined; operationName?: string | null | undefined }) {
  try {
    const document = parse(payload.query, { maxTokens: TOKENS_MAX });
    const errors = validate(parts.schema, document, [...specifiedRules, shapeRule]);
    if (errors.length > 0) return [...errors];
    const variableValues = payload.variables ?? {};
    const operationName = payload.operationName ?? undefined;
    requireAffordable(parts.schema, document, variableValues, operationName);
    return { document, variableValues, ...(operationName === undefined ? {} : { operationName }) };
  } catch (error) {
    if (error instanceof GraphQLError) return [error];
    throw error;
  }
}

function authorizationIn(params: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const authorization = params?.['authorization'] ?? params?.['Authorization'];
  return typeof authorization === 'string' ? authorization : undefined;
}

/** Subscriptions, and any other operation, over graphql-ws: authenticated at connect, limited like HTTP, checked again while open. */
import type { IncomingMessage, Server } from 'node:http';
import { GraphQLError, subscribe, type GraphQLFormattedError } from 'graphql/index.js';
import { useServer } from 'graphql-ws/use/ws';
import type { Logger } from 'pino';
import { WebSocket, WebSocketServer } from 'ws';
import { newId } from '../shared/ids.ts';
import { NO_CREDENTIALS, type Credentials } from './access/authenticate.ts';
import { introspectionRefusal } from './access/introspection.ts';
import { watchToken } from './access/token-watch.ts';
import { UnderWay, whoseOf } from './access/under-way.ts';
import { executeInTime } from './graphql/deadline.ts';
import { formatError } from './graphql/errors.ts';
import { prepareOperation } from './graphql/prepare-operation.ts';
import type { GraphqlParts } from './graphql-server.ts';
import type { RequestContext } from './request-context.ts';
import { sessionOfSocket } from './sessions/http-side.ts';

const MESSAGE_BYTES_MAX = 65_536;
const INIT_TIMEOUT_MILLIS = 3000;
const PING_MILLIS = 12_000;
const OPERATIONS_PER_SOCKET_MAX = 50;
/** Of an administrator or a person; data planes share tokens, and have one each. */
const SOCKETS_PER_CALLER_MAX = 20;
/** What may wait for a client that asks without reading: several of the largest answers there are. */
const UNREAD_BYTES_MAX = 4 * 1024 * 1024;
const CLOSE_REASON_LENGTH_MAX = 120;
const UNAUTHORIZED_CLOSE_CODE = 4401;
const TRY_AGAIN_CLOSE_CODE = 1013;
const TOO_MANY_CLOSE_CODE = 4429;
/** A client that does not answer the close within this time is cut off. */
const CLOSE_MILLIS = 1000;

/** What a socket carries besides graphql-ws's own. */
type SocketExtra = Record<PropertyKey, unknown> & {
  readonly request: IncomingMessage;
  credentials?: Credentials;
};

type MakeContext = (credentials: Credentials) => Promise<RequestContext>;

export function serveSubscriptions(parts: GraphqlParts, server: Server, path: string, makeContext: MakeContext): { close(): Promise<void> } {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MESSAGE_BYTES_MAX });
  const underWay = new UnderWay(SOCKETS_PER_CALLER_MAX);
  takeUpgrades(sockets, parts, server, path);
  const disposable = useServer<Record<string, unknown>, SocketExtra>(
    {
      connectionInitWaitTimeout: INIT_TIMEOUT_MILLIS,
      // Else the library would write the text of internal errors into close reasons.
      isProd: true,
      onConnect: async ({ connectionParams, extra }) => {
        const credentials = { authorization: authorizationIn(connectionParams), session: sessionOfSocket(extra.request.headers, parts.sessionCookie) };
        const context = await contextOf(credentials, parts, makeContext);
        if (context instanceof GraphQLError) {
          extra.socket.close(TRY_AGAIN_CLOSE_CODE, 'Try again later');
          return false;
        }
        // Who has left in the meantime takes no place, and nobody watches over him.
        if (extra.socket.readyState !== WebSocket.OPEN) return false;
        const { caller } = context;
        if (caller.kind === 'anonymous') {
          extra.socket.close(UNAUTHORIZED_CLOSE_CODE, `Unauthorized: ${caller.why}`.slice(0, CLOSE_REASON_LENGTH_MAX));
          return false;
        }
        const leave = caller.kind === 'admin' ? underWay.enter(whoseOf(caller, '')) : () => undefined;
        if (leave === undefined) {
          extra.socket.close(TOO_MANY_CLOSE_CODE, `More than ${SOCKETS_PER_CALLER_MAX} sockets`);
          return false;
        }
        extra.socket.once('close', leave);
        extra.credentials = credentials;
        const stop = watchToken(caller, {
          authenticate: async () => (await makeContext(credentials)).caller,
          end: ({ code, reason }) => extra.socket.close(code, reason),
          notifications: parts.notifications,
          log: parts.log,
        });
        extra.socket.once('close', stop);
        return true;
      },
      onSubscribe: async ({ extra, subscriptions }, _id, payload) => {
        if (Object.keys(subscriptions).length > OPERATIONS_PER_SOCKET_MAX) return [tooMany()];
        const prepared = prepareOperation(parts.schema, payload);
        if (Array.isArray(prepared)) return prepared;
        const contextValue = await contextOf(extra.credentials ?? NO_CREDENTIALS, parts, makeContext);
        if (contextValue instanceof GraphQLError) return [contextValue];
        const refusal = introspectionRefusal(prepared.document, contextValue.caller, parts.introspection);
        return refusal === undefined ? { schema: parts.schema, ...prepared, contextValue } : [refusal];
      },
      onError: (_context, _id, _payload, errors) => errors.map((error) => told(error, parts)),
      onNext: (_context, _id, _payload, _args, result) =>
        result.errors === undefined ? undefined : { data: result.data ?? null, errors: result.errors.map((error) => told(error, parts)) },
      execute: executeInTime,
      subscribe,
    },
    sockets,
    PING_MILLIS,
  );
  return {
    close: async () => {
      for (const socket of sockets.clients) socket.close(1001, 'Going away');
      const cut = setTimeout(() => sockets.clients.forEach((socket) => socket.terminate()), CLOSE_MILLIS);
      await disposable.dispose();
      clearTimeout(cut);
    },
  };
}

function takeUpgrades(sockets: WebSocketServer, { log }: GraphqlParts, server: Server, path: string): void {
  const broke = (error: Error) => log.debug({ err: error }, 'a socket broke');
  server.on('upgrade', (request, connection, head) => {
    connection.on('error', broke);
    if (URL.parse(request.url ?? '', 'http://localhost')?.pathname !== path) {
      connection.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, connection, head, (socket) => {
      sockets.emit('connection', socket, request);
      // The library would write on the console what any client can provoke.
      socket.removeAllListeners('error');
      socket.on('error', broke);
      socket.on('message', () => cutOffUnread(socket, log));
    });
  });
}

/** Everything that waits was asked for on the socket, so there it is looked at. Who does not read does not read the reason either, and is cut off. */
function cutOffUnread(socket: WebSocket, log: Logger): void {
  if (socket.bufferedAmount <= UNREAD_BYTES_MAX || socket.readyState !== WebSocket.OPEN) return;
  log.warn('a socket is cut off: its client does not read what it asks for');
  socket.close(TRY_AGAIN_CLOSE_CODE, 'Read what was sent');
  setTimeout(() => socket.terminate(), CLOSE_MILLIS);
}

/** The library would tell the client why the caller could not be looked up; this only says that it failed, and the log why. */
async function contextOf(credentials: Credentials, { log }: GraphqlParts, makeContext: MakeContext): Promise<RequestContext | GraphQLError> {
  try {
    return await makeContext(credentials);
  } catch (error) {
    log.warn({ err: error }, 'the caller of a socket could not be looked up');
    return new GraphQLError('the database does not answer', { extensions: { code: 'SERVICE_UNAVAILABLE' } });
  }
}

function tooMany(): GraphQLError {
  return new GraphQLError(`more than ${OPERATIONS_PER_SOCKET_MAX} operations at once on one socket`, { extensions: { code: 'QUERY_TOO_COMPLEX' } });
}

/** An error as a client may know it; the cause of an unknown one goes into the log. */
function told(error: GraphQLError, parts: GraphqlParts): GraphQLFormattedError {
  return formatError(error.toJSON(), error, newId('request'), parts.log);
}

function authorizationIn(params: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const authorization = params?.['authorization'] ?? params?.['Authorization'];
  return typeof authorization === 'string' ? authorization : undefined;
}

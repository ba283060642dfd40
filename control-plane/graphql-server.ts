/** GraphQL over HTTP and over WebSocket on one port, with the same limits on both, and whatever else the control plane answers there. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { ApolloServer } from '@apollo/server';
import { GraphQLError } from 'graphql/index.js';
import type { Logger } from 'pino';
import { newId } from '../shared/ids.ts';
import { UnderWay, whoseOf } from './access/under-way.ts';
import { answerJson } from './answer-json.ts';
import type { Notifications } from './database/notifications.ts';
import { startApollo, type ApolloParts } from './graphql/apollo.ts';
import { formatError, rateLimited } from './graphql/errors.ts';
import { readJson } from './graphql/http-body.ts';
import { lookAhead } from './graphql/look-ahead.ts';
import { executeOverHttp } from './graphql/over-http.ts';
import { contextOfRequest, makeContext } from './make-context.ts';
import type { RequestContext } from './request-context.ts';
import { answerNotFound, findRoute, type Asked, type RouteParts } from './routes.ts';
import { serveSubscriptions } from './subscriptions-server.ts';

export interface GraphqlParts extends ApolloParts, RouteParts {
  readonly notifications: Notifications;
}

/** With what serves HTTP alone. */
interface HttpPlane extends GraphqlParts {
  readonly apollo: ApolloServer<RequestContext>;
  readonly underWay: UnderWay;
}

export interface RunningGraphqlServer {
  readonly url: string;
  close(): Promise<void>;
}

const HEADERS_TIMEOUT_MILLIS = 10_000;
/** How often connections are looked at that send slower than that. */
const SLOWNESS_CHECK_MILLIS = 1000;
const REQUEST_TIMEOUT_MILLIS = 30_000;
/** What is still being answered when the plane is told to stop has this long to end. */
const DRAIN_MILLIS = 5000;
const DRAIN_POLL_MILLIS = 20;
/** More than a page or a program has reason to ask at the same time, and a fraction of what the plane can carry. */
const OPERATIONS_PER_CALLER_MAX = 64;
const GRAPHQL_PATH = '/graphql';
/** Of refusals outside of GraphQL; anything else is our fault. */
const STATUSES: Readonly<Record<string, number>> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  BAD_USER_INPUT: 400,
  QUERY_TOO_COMPLEX: 400,
  CONFLICT: 409,
  IDEMPOTENCY_KEY_REUSED: 422,
  IDEMPOTENCY_ANSWER_LOST: 409,
  RATE_LIMITED: 429,
  SERVICE_UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 503,
};

export async function startGraphqlServer(parts: GraphqlParts, where: { host: string; port: number }): Promise<RunningGraphqlServer> {
  const plane: HttpPlane = { ...parts, apollo: await startApollo(parts), underWay: new UnderWay(OPERATIONS_PER_CALLER_MAX) };
  const timeouts = { headersTimeout: HEADERS_TIMEOUT_MILLIS, requestTimeout: REQUEST_TIMEOUT_MILLIS, connectionsCheckingInterval: SLOWNESS_CHECK_MILLIS };
  const server = createServer(timeouts, (request, response) => {
    handle(plane, request, response).catch((error: unknown) => fail(parts.log, request, response, error));
  });
  const subscriptions = serveSubscriptions(parts, server, GRAPHQL_PATH, (credentials) => makeContext(parts, credentials));
  await listen(server, where);
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : where.port;
  return {
    url: `http://${where.host}:${port}`,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await subscriptions.close();
      const deadline = setTimeout(() => server.closeAllConnections(), DRAIN_MILLIS);
      // A connection whose last answer has been sent would otherwise be kept for the next request.
      const drain = setInterval(() => server.closeIdleConnections(), DRAIN_POLL_MILLIS);
      await closed;
      clearTimeout(deadline);
      clearInterval(drain);
      await plane.apollo.stop();
    },
  };
}

async function handle(plane: HttpPlane, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = URL.parse(request.url ?? '', 'http://localhost');
  if (url === null) return answerNotFound(response);
  if (url.pathname === GRAPHQL_PATH) return handleGraphql(plane, { request, response, url });
  const answer = findRoute(request.method, url.pathname);
  return answer === undefined ? answerNotFound(response) : answer(plane, { request, response, url });
}

async function handleGraphql(plane: HttpPlane, { request, response, url }: Asked): Promise<void> {
  const body = await readJson(request);
  if (body.kind !== 'json') {
    // The rest of a body that is too large is never read, so the connection cannot be used again.
    if (body.kind === 'too large') response.setHeader('Connection', 'close');
    const status = body.kind === 'too large' ? 413 : 400;
    return answerJson(response, status, {
      errors: [{ message: `the body is ${body.kind}`, extensions: { code: 'BAD_REQUEST', requestId: newId('request') } }],
    });
  }
  const method = request.method ?? 'GET';
  const kind = lookAhead({ method, body: body.value, search: url.search });
  // Made before Apollo begins: Apollo would tell the caller why it could not be made.
  const context = await contextOfRequest(plane, request, response);
  const leave = plane.underWay.enter(whoseOf(context.caller, request.socket.remoteAddress ?? ''));
  if (leave === undefined) throw rateLimited(`more than ${OPERATIONS_PER_CALLER_MAX} operations at once`, 1);
  const operation = { kind, method, headers: request.headers, search: url.search, body };
  const result = await executeOverHttp(plane.apollo, context, operation).finally(leave);
  response.statusCode = result.status;
  for (const [name, value] of result.headers) response.setHeader(name, value);
  response.end(result.body);
}

function fail(log: Logger, request: IncomingMessage, response: ServerResponse, error: unknown): void {
  if (request.destroyed && !request.complete) return log.debug({ err: error }, 'a caller went away before its request was read');
  if (isGone(error)) return log.debug({ err: error }, 'a caller went away before its answer was sent');
  if (response.headersSent) {
    log.error({ err: error }, 'an answer could not be finished');
    response.destroy();
    return;
  }
  const told = formatError(error instanceof GraphQLError ? error.toJSON() : { message: '' }, error, newId('request'), log);
  answerJson(response, STATUSES[String(told.extensions?.['code'])] ?? 500, { errors: [told] });
}

/** As a stream says it whose reader has left. */
function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
}

function listen(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

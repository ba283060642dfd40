/** GraphQL over HTTP and over WebSocket on one port, with the same limits on both, exports, metrics, and the health of the plane. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { ApolloServer } from '@apollo/server';
import type { EntityManager } from '@mikro-orm/postgresql';
import { GraphQLError, type GraphQLSchema } from 'graphql/index.js';
import type { Logger } from 'pino';
import { newId } from '../shared/ids.ts';
import type { TokenHasher } from '../shared/token.ts';
import { authenticate, NO_CREDENTIALS, type Credentials } from './access/authenticate.ts';
import type { IntrospectionMode } from './access/introspection.ts';
import { UnderWay, whoseOf } from './access/under-way.ts';
import { exportAudit } from './audit/export-audit.ts';
import { answerRegistry, isRegistryPath } from './catalog/registry-api.ts';
import type { Notifications } from './database/notifications.ts';
import { isDatabaseThere } from './database/orm.ts';
import { acrossOrganisations } from './database/roles.ts';
import { DOWNLOAD_PATH } from './exports/export-links.ts';
import { startApollo } from './graphql/apollo.ts';
import { formatError, rateLimited } from './graphql/errors.ts';
import { readJson } from './graphql/http-body.ts';
import { lookAhead } from './graphql/look-ahead.ts';
import { makeLoaders } from './graphql/loaders.ts';
import { executeOverHttp } from './graphql/over-http.ts';
import { answerMetrics } from './metrics/metrics.ts';
import { organisationOf, withTenant, type RequestContext } from './request-context.ts';
import type { Services } from './services.ts';
import { httpSide, type HttpSide } from './sessions/http-side.ts';
import type { HostCookie } from './sessions/host-cookie.ts';
import { noteUse } from './sessions/session-life.ts';
import { SINGLE_SIGN_ON_PATH, type SingleSignOn } from './single-sign-on/single-sign-on.ts';
import { OAUTH_PATH, type OauthPages } from './upstream-oauth/oauth-pages.ts';
import { SETUP_PATH, SETUP_TEXT } from './setup-link.ts';
import { serveSubscriptions } from './subscriptions-server.ts';
import { exportUsage } from './usage-export/export-usage.ts';

export interface GraphqlParts {
  readonly schema: GraphQLSchema;
  readonly em: EntityManager;
  readonly services: Services;
  readonly notifications: Notifications;
  readonly hasher: TokenHasher;
  readonly gatewayUrl: string;
  readonly introspection: IntrospectionMode;
  readonly sessionCookie: HostCookie;
  /** Undefined where no provider is configured. */
  readonly singleSignOn: SingleSignOn | undefined;
  readonly oauthPages: OauthPages;
  readonly log: Logger;
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
const EXPORTS = new Map([
  ['/v1/export/usage', exportUsage],
  ['/v1/export/audit', exportAudit],
]);
const METRICS_PATH = '/metrics';
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

/** One context for one operation: its own unit of work, behind the caller's tenant filter. */
async function makeContext(parts: GraphqlParts, credentials: Credentials, http?: HttpSide): Promise<RequestContext> {
  const caller = await authenticate(credentials, acrossOrganisations(parts.em), parts.hasher);
  const em = withTenant(parts.em, caller);
  const { services, gatewayUrl } = parts;
  const loaders = makeLoaders(em, organisationOf(caller), services);
  return { requestId: newId('request'), claim: undefined, caller, em, loaders, services, gatewayUrl, http };
}

/** What a socket asks again and again by itself is no use of a session; a request is. */
async function contextOfRequest(parts: GraphqlParts, request: IncomingMessage, response: ServerResponse): Promise<RequestContext> {
  const http = httpSide(request, response, parts.sessionCookie);
  const context = await makeContext(parts, { authorization: request.headers.authorization, session: http.session }, http);
  if (context.caller.kind === 'admin' && context.caller.actor.kind === 'USER') await noteUse(context.em, context.caller.actor.sessionId);
  return context;
}

async function handle(parts: HttpPlane, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = URL.parse(request.url ?? '', 'http://localhost');
  const path = url?.pathname ?? '';
  if (path === '/v1/health') return answer(response, 200, { status: 'alive' });
  if (path === '/v1/healthz') {
    const isThere = await isDatabaseThere(parts.em);
    return answer(response, isThere ? 200 : 503, { status: isThere ? 'ready' : 'not ready', database: isThere });
  }
  if (path === METRICS_PATH && request.method === 'GET') return answerMetrics(parts.services, acrossOrganisations(parts.em), response);
  if (url !== null && path.startsWith(DOWNLOAD_PATH) && request.method === 'GET')
    return parts.services.exports.download(acrossOrganisations(parts.em), parts.services, url, response);
  const sendExport = EXPORTS.get(path);
  if (sendExport !== undefined && request.method === 'GET') {
    const context = await contextOfRequest(parts, request, response);
    return sendExport(context, url?.searchParams ?? new URLSearchParams(), response);
  }
  if (url !== null && isRegistryPath(path) && request.method === 'GET') {
    const context = await contextOfRequest(parts, request, response);
    return answerRegistry(context, url, request.headers.authorization === undefined, response);
  }
  if (path.startsWith(SINGLE_SIGN_ON_PATH) && request.method === 'GET' && parts.singleSignOn !== undefined) {
    const http = httpSide(request, response, parts.sessionCookie);
    const visitor = { ...(await makeContext(parts, NO_CREDENTIALS, http)), em: acrossOrganisations(parts.em), http };
    return parts.singleSignOn.handle(visitor, request, response);
  }
  if (url !== null && path.startsWith(OAUTH_PATH) && request.method === 'GET')
    return parts.oauthPages.handle(await contextOfRequest(parts, request, response), url, response);
  if (path === SETUP_PATH && request.method === 'GET') return answerText(response, SETUP_TEXT);
  if (path === GRAPHQL_PATH) return handleGraphql(parts, { request, response, search: url?.search ?? '' });
  return answer(response, 404, { error: 'not_found' });
}

async function handleGraphql(parts: HttpPlane, http: { request: IncomingMessage; response: ServerResponse; search: string }): Promise<void> {
  const { request, response } = http;
  const body = await readJson(request);
  if (body.kind !== 'json') {
    // The rest of a body that is too large is never read, so the connection cannot be used again.
    if (body.kind === 'too large') response.setHeader('Connection', 'close');
    const status = body.kind === 'too large' ? 413 : 400;
    return answer(response, status, { errors: [{ message: `the body is ${body.kind}`, extensions: { code: 'BAD_REQUEST', requestId: newId('request') } }] });
  }
  const method = request.method ?? 'GET';
  const kind = lookAhead({ method, body: body.value, search: http.search });
  // Made before Apollo begins: Apollo would tell the caller why it could not be made.
  const context = await contextOfRequest(parts, request, response);
  const leave = parts.underWay.enter(whoseOf(context.caller, request.socket.remoteAddress ?? ''));
  if (leave === undefined) throw rateLimited(`more than ${OPERATIONS_PER_CALLER_MAX} operations at once`, 1);
  const operation = { kind, method, headers: request.headers, search: http.search, body };
  const result = await executeOverHttp(parts.apollo, context, operation).finally(leave);
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
  answer(response, STATUSES[String(told.extensions?.['code'])] ?? 500, { errors: [told] });
}

/** As a stream says it whose reader has left. */
function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) });
  response.end(text);
}

function answerText(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' });
  response.end(text);
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

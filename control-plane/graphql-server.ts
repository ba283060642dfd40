/** GraphQL over HTTP and over WebSocket on one port, with the same limits on both, and the health of the plane. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { ApolloServer, HeaderMap } from '@apollo/server';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { GraphQLSchema } from 'graphql/index.js';
import type { Logger } from 'pino';
import { newId } from '../shared/ids.ts';
import type { TokenHasher } from '../shared/token.ts';
import { authenticate } from './access/authenticate.ts';
import { isDatabaseThere } from './database/orm.ts';
import { formatError } from './graphql/errors.ts';
import { requireAffordable, shapeRule, TOKENS_MAX } from './graphql/limits.ts';
import { withTenant, type RequestContext } from './request-context.ts';
import type { Services } from './services.ts';
import { serveSubscriptions } from './subscriptions-server.ts';

export interface GraphqlParts {
  readonly schema: GraphQLSchema;
  readonly em: EntityManager;
  readonly services: Services;
  readonly hasher: TokenHasher;
  readonly gatewayUrl: string;
  readonly log: Logger;
}

export interface RunningGraphqlServer {
  readonly url: string;
  close(): Promise<void>;
}

const BODY_BYTES_MAX = 262_144;
const HEADERS_TIMEOUT_MILLIS = 10_000;
const REQUEST_TIMEOUT_MILLIS = 30_000;
const GRAPHQL_PATH = '/graphql';

export async function startGraphqlServer(parts: GraphqlParts, where: { host: string; port: number }): Promise<RunningGraphqlServer> {
  const apollo = await startApollo(parts);
  const server = createServer({ headersTimeout: HEADERS_TIMEOUT_MILLIS, requestTimeout: REQUEST_TIMEOUT_MILLIS }, (request, response) => {
    handle(parts, apollo, request, response).catch((error: unknown) => {
      parts.log.error({ err: error }, 'a request could not be answered');
      if (response.headersSent) response.destroy();
      else answer(response, 500, { errors: [{ message: 'Turnpike failed to handle the request', extensions: { code: 'INTERNAL_SERVER_ERROR' } }] });
    });
  });
  const subscriptions = serveSubscriptions(parts, server, GRAPHQL_PATH, (authorization) => makeContext(parts, authorization));
  await listen(server, where);
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : where.port;
  return {
    url: `http://${where.host}:${port}`,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await subscriptions.close();
      server.closeAllConnections();
      await closed;
      await apollo.stop();
    },
  };
}

/** One context for one operation: its own unit of work, behind the caller's tenant filter. */
export async function makeContext(parts: GraphqlParts, authorization: string | undefined): Promise<RequestContext> {
  const em = parts.em.fork();
  const caller = await authenticate(authorization, em, parts.hasher);
  return { requestId: newId('request'), caller, em: withTenant(em, caller), services: parts.services, gatewayUrl: parts.gatewayUrl };
}

async function startApollo(parts: GraphqlParts): Promise<ApolloServer<RequestContext>> {
  const apollo = new ApolloServer<RequestContext>({
    schema: parts.schema,
    introspection: true,
    csrfPrevention: true,
    allowBatchedHttpRequests: false,
    includeStacktraceInErrorResponses: false,
    hideSchemaDetailsFromClientErrors: false,
    parseOptions: { maxTokens: TOKENS_MAX },
    validationRules: [shapeRule],
    stopOnTerminationSignals: false,
    plugins: [
      {
        requestDidStart: () =>
          Promise.resolve({
            didResolveOperation: ({ document, request, operationName }) => {
              requireAffordable(parts.schema, document, request.variables ?? {}, operationName ?? undefined);
              return Promise.resolve();
            },
            willSendResponse: ({ response, errors, contextValue }) => {
              if (response.body.kind !== 'single' || response.body.singleResult.errors === undefined) return Promise.resolve();
              const { singleResult } = response.body;
              singleResult.errors = (singleResult.errors ?? []).map((formatted, index) => formatError(formatted, errors?.[index], contextValue.requestId ?? newId('request'), parts.log));
              return Promise.resolve();
            },
          }),
      },
    ],
  });
  await apollo.start();
  return apollo;
}

async function handle(parts: GraphqlParts, apollo: ApolloServer<RequestContext>, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = URL.parse(request.url ?? '', 'http://localhost');
  switch (url?.pathname) {
    case '/v1/health':
      return answer(response, 200, { status: 'alive' });
    case '/v1/healthz': {
      const isThere = await isDatabaseThere(parts.em);
      return answer(response, isThere ? 200 : 503, { status: isThere ? 'ready' : 'not ready', database: isThere });
    }
    case GRAPHQL_PATH:
      return handleGraphql(parts, apollo, { request, response, search: url?.search ?? '' });
    default:
      return answer(response, 404, { error: 'not_found' });
  }
}

async function handleGraphql(parts: GraphqlParts, apollo: ApolloServer<RequestContext>, http: { request: IncomingMessage; response: ServerResponse; search: string }): Promise<void> {
  const { request, response } = http;
  const body = await readJson(request);
  if (body.kind !== 'json') {
    const status = body.kind === 'too large' ? 413 : 400;
    return answer(response, status, { errors: [{ message: `the body is ${body.kind}`, extensions: { code: 'BAD_REQUEST', requestId: newId('request') } }] });
  }
  const headers = new HeaderMap();
  for (const [name, value] of Object.entries(request.headers)) if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  const result = await apollo.executeHTTPGraphQLRequest({
    httpGraphQLRequest: { method: (request.method ?? 'GET').toUpperCase(), headers, search: http.search, body: body.value },
    context: () => makeContext(parts, request.headers.authorization),
  });
  response.statusCode = result.status ?? 200;
  for (const [name, value] of result.headers) response.setHeader(name, value);
  if (result.body.kind === 'complete') response.end(result.body.string);
  else for await (const chunk of result.body.asyncIterator) response.write(chunk);
  response.end();
}

type ReadBody = { kind: 'json'; value: unknown } | { kind: 'too large' } | { kind: 'not JSON' };

async function readJson(request: IncomingMessage): Promise<ReadBody> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue;
    length += chunk.length;
    if (length > BODY_BYTES_MAX) return { kind: 'too large' };
    chunks.push(chunk);
  }
  if (length === 0) return { kind: 'json', value: undefined };
  try {
    return { kind: 'json', value: JSON.parse(Buffer.concat(chunks).toString('utf8')) };
  } catch {
    // The caller reads that its body is no JSON; there is no more to say about it.
    return { kind: 'not JSON' };
  }
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) });
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


/** HTTP in: routes, limits and timeouts of the data plane's port, and the answer to whatever the access flow ends with. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Refusal } from '../shared/refusal.ts';
import { accessFlow } from './access-flow.ts';
import { answerJson } from './answer-json.ts';
import { denialBody, denialOf } from './denials.ts';
import type { Outcome } from './evidence.ts';
import { Exchange } from './exchange.ts';
import { answerPlane, planeRequestOf } from './explain/plane-requests.ts';
import type { Gateway } from './gateway.ts';
import { answerHealth, answerReadiness } from './health.ts';
import { validateKey } from './keys-validate.ts';
import { conclude } from './old-clients/posted-message.ts';
import type { CarryEnding } from './nodes/carrier.ts';
import { MISDIRECTED } from './nodes/node-proofs.ts';
import type { DataPlaneSettings } from './settings.ts';
import { enterConcurrency } from './steps/enter-concurrency.ts';
import { Trail } from './trail.ts';

const HEADERS_TIMEOUT_MILLIS = 10_000;
const REQUEST_TIMEOUT_MILLIS = 60_000;
const KEEP_ALIVE_TIMEOUT_MILLIS = 65_000;
const CONNECTIONS_CHECKED_MILLIS = 2000;
const HEADER_BYTES_MAX = 32_768;
const DRAIN_CHECKED_MILLIS = 50;
/**
 * Slug or id, and a tail for servers with sub-paths. A tail has plain segments only: nothing that is encoded, empty, a dot or two, and nothing that
 * a URL parser takes for another path, host or fragment (`reliability.md` S-20). Whatever else is asked for is no path of ours.
 */
const MCP_PATH = /^\/v1\/mcp\/([A-Za-z0-9_-]{1,128})((?:\/(?!\.{1,2}(?:[/?]|$))[A-Za-z0-9._~-]{1,255}){0,16})(?:\?.*)?$/;

export interface RunningHttpServer {
  readonly url: string;
  stop(graceMillis: number): Promise<void>;
}

export async function startHttpServer(gateway: Gateway, settings: Pick<DataPlaneSettings, 'host' | 'port'>): Promise<RunningHttpServer> {
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MILLIS,
      requestTimeout: REQUEST_TIMEOUT_MILLIS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MILLIS,
      connectionsCheckingInterval: CONNECTIONS_CHECKED_MILLIS,
      maxHeaderSize: HEADER_BYTES_MAX,
      noDelay: true,
    },
    (request, response) => route(gateway, request, response),
  );
  await listen(server, settings);
  return { url: urlOf(server, settings.host), stop: (graceMillis) => stop(server, gateway, graceMillis) };
}

function route(gateway: Gateway, request: IncomingMessage, response: ServerResponse): void {
  const path = request.url ?? '';
  const [, identifier, tailPath = ''] = MCP_PATH.exec(path) ?? [];
  if (identifier !== undefined) {
    const origin = gateway.proofs.originOf(request);
    if (origin === undefined) return answerJson(response, MISDIRECTED, { error: 'not_carried_by_a_node' });
    const exchange = new Exchange(request, response, { identifier, tailPath }, gateway.clock, origin);
    const holder = gateway.carrier.holderOf(request);
    const handled = holder === undefined ? handle(gateway, exchange) : carryOrHandle(gateway, exchange, holder);
    return guarded(gateway, response, handled);
  }
  const asked = planeRequestOf(path, request);
  if (asked !== undefined) return guarded(gateway, response, answerPlane(gateway, asked, { request, response }, handle));
  switch (path) {
    case '/v1/health':
    case '/livez':
      return answerHealth(response);
    case '/v1/healthz':
    case '/readyz':
      return answerReadiness(gateway, response);
    case '/v1/keys/validate':
      return validateKey(gateway, request, response);
    default:
      // A bare 404 with a string `error`: clients that look for an OAuth server under /.well-known read exactly that.
      return answerJson(response, 404, { error: 'not_found' });
  }
}

function guarded({ log }: Gateway, response: ServerResponse, handled: Promise<void>): void {
  handled.catch((error: unknown) => {
    log.error({ err: error }, 'a request could not be answered');
    response.destroy();
  });
}

/** A session whose node is gone is gone with it: the flow finds that out as for every other one, so that an `initialize` that still names it opens a new one. */
async function carryOrHandle(gateway: Gateway, exchange: Exchange, holder: string): Promise<void> {
  const { response } = exchange;
  // A node that is full says so itself, in the first step.
  const ending = gateway.slots.inFlight < gateway.slots.max ? await carry(gateway, exchange, holder) : 'unreachable';
  if (response.closed) return;
  if (ending === 'unreachable') return handle(gateway, exchange);
  if (ending === 'carried') return;
  const refusal = new Refusal('upstream_error', 'connection_lost', 'the node that holds this session was lost on the way');
  answerJson(response, refusal.status, JSON.parse(denialBody(refusal, exchange, new Trail())));
}

/** What is carried has a place here as well, so that a node that drains waits for it. */
async function carry(gateway: Gateway, { request, response }: Exchange, holder: string): Promise<CarryEnding> {
  const slot = enterConcurrency(gateway);
  try {
    return await gateway.carrier.carry(holder, request, response);
  } finally {
    slot.release();
  }
}

async function handle(gateway: Gateway, exchange: Exchange): Promise<void> {
  const trail = new Trail();
  const ending = await accessFlow(gateway, exchange, trail);
  const refusal = refusalIn(ending);
  if (refusal?.code === 'internal') gateway.log.error({ err: refusal.cause, requestId: exchange.requestId, step: trail.step }, 'a step failed');
  const door = trail.rpc?.door;
  if (door !== undefined) return conclude(door, refusal, exchange, trail);
  if (refusal !== undefined) await deny(exchange, trail, refusal);
}

async function deny(exchange: Exchange, trail: Trail, refusal: Refusal): Promise<void> {
  const { response } = exchange;
  if (response.headersSent || response.destroyed) return;
  const denial = await denialOf(refusal, exchange, trail);
  const length = Buffer.byteLength(denial.body);
  // What is left of a body that was refused is not read: the connection ends with the answer.
  const closing = exchange.request.complete ? [] : ['Connection', 'close'];
  response.writeHead(denial.status, [...denial.headers, 'Content-Type', 'application/json', 'Content-Length', String(length), ...closing]);
  response.end(denial.body);
}

function refusalIn(ending: Outcome | Refusal): Refusal | undefined {
  return ending instanceof Refusal ? ending : ending.failure;
}

function listen(server: Server, { host, port }: Pick<DataPlaneSettings, 'host' | 'port'>): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function urlOf(server: Server, host: string): string {
  const address = server.address();
  const port = isAddress(address) ? address.port : 0;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function isAddress(address: ReturnType<Server['address']>): address is AddressInfo {
  return typeof address === 'object' && address !== null;
}

/** No new connections; idle ones end at once, busy ones when they are done or the grace is over. */
async function stop(server: Server, gateway: Gateway, graceMillis: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const deadline = gateway.clock.elapsed() + graceMillis;
  while (gateway.slots.inFlight > 0 && gateway.clock.elapsed() < deadline) {
    server.closeIdleConnections();
    await new Promise((resolve) => setTimeout(resolve, DRAIN_CHECKED_MILLIS));
  }
  server.closeAllConnections();
  await closed;
}

/** An MCP server that has everything the official conformance suite asks for, in both eras of the protocol and over each transport, with nothing but node:http. */
import { listenOnLoopback } from '../loopback.ts';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { headerOf, readBody, sendError } from './http-answers.ts';
import { LegacyHttp } from './legacy-http.ts';
import { LegacySse, SSE_PATH } from './legacy-sse.ts';
import { CODES, messageSchema, ProtocolError, type Message } from './messages.ts';
import { isModern } from './modern-headers.ts';
import { postModern } from './modern-http.ts';

export interface ConformanceFixture {
  readonly url: string;
  /** Where it knows only the revisions with sessions. */
  readonly legacyUrl: string;
  /** Where it speaks HTTP+SSE. */
  readonly sseUrl: string;
  close(): Promise<void>;
}

/** The program that speaks STDIO. */
export const STDIO_ENTRY = fileURLToPath(new URL('stdio-entry.ts', import.meta.url));

const LEGACY_PATH = '/legacy';
const LOOPBACK = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/;

/** With the era `modern`, its Streamable HTTP knows no revision with sessions. */
export async function startConformanceFixture({ era = 'both' }: { era?: 'both' | 'modern' } = {}): Promise<ConformanceFixture> {
  const [legacy, sse] = [new LegacyHttp(), new LegacySse()];
  const server = createServer((request, response) => {
    const isSse = request.url?.startsWith(SSE_PATH) === true;
    const handled = isSse ? sse.handle(request, response) : handle(era === 'both' ? legacy : undefined, request, response);
    handled.catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  const { origin, close } = await listenOnLoopback(server);
  return {
    url: `${origin}/mcp`,
    legacyUrl: `${origin}${LEGACY_PATH}`,
    sseUrl: `${origin}${SSE_PATH}`,
    close: () => {
      legacy.close();
      sse.close();
      return close();
    },
  };
}

async function handle(legacy: LegacyHttp | undefined, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const objection = objectionTo(request);
  if (objection !== undefined) return sendError(response, objection, null);
  if (legacy === undefined && request.method !== 'POST') return void response.writeHead(405).end();
  if (request.method === 'GET') return legacy?.get(request, response);
  if (request.method === 'DELETE') return legacy?.delete(request, response);
  const message = await readMessage(request);
  if (message instanceof ProtocolError) return sendError(response, message, null);
  const isLegacy = legacy !== undefined && (request.url === LEGACY_PATH || !isModern(request, message));
  return isLegacy ? legacy.post(request, response, message) : postModern(request, response, message);
}

/** A page of another site must reach no server on somebody's own machine, by whatever name its browser calls the machine. */
function objectionTo(request: IncomingMessage): ProtocolError | undefined {
  const [host = '', origin] = [headerOf(request, 'host'), headerOf(request, 'origin')];
  if (!LOOPBACK.test(host)) return new ProtocolError(CODES.refused, `the host ${host} is not known here`, { status: 403 });
  if (origin !== undefined && !LOOPBACK.test(origin.replace(/^https?:\/\//, ''))) {
    return new ProtocolError(CODES.refused, `the origin ${origin} is not allowed`, { status: 403 });
  }
  const accept = headerOf(request, 'accept') ?? '';
  if (request.method === 'DELETE') return undefined;
  const isAcceptable = accept.includes('text/event-stream') && (request.method !== 'POST' || accept.includes('application/json'));
  return isAcceptable ? undefined : new ProtocolError(CODES.refused, 'the answer may be JSON or an event stream: accept both', { status: 406 });
}

async function readMessage(request: IncomingMessage): Promise<Message | ProtocolError> {
  const body = await readBody(request);
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return new ProtocolError(CODES.parseError, 'the body is not JSON', { status: 400 });
  }
  const reading = messageSchema.safeParse(value);
  return reading.success ? reading.data : new ProtocolError(CODES.invalidRequest, 'the body is no message', { status: 400 });
}

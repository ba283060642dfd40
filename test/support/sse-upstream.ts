/** A server that speaks HTTP+SSE as a test tells it to: it keeps what is posted, and says on its event streams what the test says. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { z } from 'zod';
import { freePort } from './processes.ts';

const messageSchema = z.looseObject({ id: z.unknown().optional(), method: z.string().optional(), params: z.looseObject({}).optional() });

export interface PostedMessage {
  /** Counts the connections from 1. */
  readonly connection: number;
  readonly headers: IncomingHttpHeaders;
  /** As it came. */
  readonly body: string;
  readonly id: unknown;
  readonly method: string | undefined;
  readonly params: Readonly<Record<string, unknown>>;
}

export interface ServerStream {
  readonly headers: IncomingHttpHeaders;
  readonly isOpen: () => boolean;
  /** One event, whose data is the text, or the JSON of anything else. */
  send(data: unknown): void;
  write(bytes: string): void;
  cut(): void;
}

export interface SseScript {
  /** What the first event says; undefined for a server that says nothing. */
  readonly endpoint?: (connection: number, port: number) => string | undefined;
  /** Answers the GET in place of an event stream. */
  readonly refuse?: (response: ServerResponse) => void;
  readonly statusOf?: (message: PostedMessage) => number;
  /** Hears what the server has taken; `initialize` is answered already, unless this says true. */
  readonly hear?: (message: PostedMessage, stream: ServerStream) => boolean | void;
}

export interface SseUpstream {
  readonly url: string;
  /** In the order in which they were opened. */
  readonly streams: readonly ServerStream[];
  readonly posted: readonly PostedMessage[];
  readonly openStreams: () => number;
}

export const INITIALIZE_RESULT = { protocolVersion: '2024-11-05', capabilities: { tools: {} }, serverInfo: { name: 'scripted', version: '1' } };

export async function startSseUpstream(script: SseScript = {}): Promise<SseUpstream> {
  const streams: ServerStream[] = [];
  const posted: PostedMessage[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://localhost');
    if (request.method === 'GET') {
      if (script.refuse !== undefined) return script.refuse(response);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const connection = streams.push(streamOver(response, request.headers));
      const endpoint = (script.endpoint ?? ((number) => `/message?connection=${number}`))(connection, port);
      if (endpoint !== undefined) response.write(`event: endpoint\ndata: ${endpoint}\n\n`);
      else response.flushHeaders();
      return;
    }
    text(request)
      .then((body) => {
        const { id, method, params = {} } = messageSchema.parse(JSON.parse(body));
        const message = { connection: Number(url.searchParams.get('connection')), headers: request.headers, body, id, method, params };
        posted.push(message);
        const status = script.statusOf?.(message) ?? 202;
        response.writeHead(status).end('Accepted');
        const stream = streams[message.connection - 1];
        if (status !== 202 || stream === undefined) return;
        if (script.hear?.(message, stream) === true) return;
        if (method === 'initialize') stream.send({ jsonrpc: '2.0', id, result: INITIALIZE_RESULT });
      })
      // The test sees a connection that breaks, and the reason in its place.
      .catch((error: unknown) => response.destroy(error instanceof Error ? error : new Error(String(error))));
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${port}/sse`, streams, posted, openStreams: () => streams.filter(({ isOpen }) => isOpen()).length };
}

/** Answers every `tools/call` with the text of its arguments, and the number of the connection. */
export function echo({ connection, id, method, params }: PostedMessage, stream: ServerStream): void {
  if (method !== 'tools/call') return;
  stream.send({ jsonrpc: '2.0', id, result: { connection, content: [{ type: 'text', text: JSON.stringify(params['arguments']) }] } });
}

function streamOver(response: ServerResponse, headers: IncomingHttpHeaders): ServerStream {
  return {
    headers,
    isOpen: () => !response.destroyed,
    send: (data) => void response.write(`event: message\ndata: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`),
    write: (bytes) => void response.write(bytes),
    cut: () => void response.destroy(),
  };
}

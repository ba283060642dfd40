/** A client with a session of its own on a STDIO server, for tests: opens it, calls in it, and listens to its stream. */
import type { GovernedServer } from '../../data-plane/config/governed-server.ts';
import type { Transport, UpstreamFlight, UpstreamRequest } from '../../data-plane/transports/transport.ts';
import { eventually } from './processes.ts';
import { rpcCall, toolCall } from './rpc-call.ts';
import { KeepingSink, send, upstreamRequest, type Received } from './stdio-caller.ts';

export const initializeCall = (clientName = 'test', idToken = '"init"') =>
  rpcCall(
    `{"jsonrpc":"2.0","id":${idToken},"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"sampling":{}},"clientInfo":{"name":"${clientName}","version":"1"}}}`,
  );

export interface Listener {
  readonly sink: KeepingSink;
  readonly flight: UpstreamFlight;
  readonly received: Promise<Received>;
}

export class SessionCaller {
  readonly #transport: Transport;
  readonly #server: GovernedServer;
  readonly sessionId: string;
  readonly apiKeyId: string;

  private constructor(transport: Transport, server: GovernedServer, changes: { sessionId: string; apiKeyId: string }) {
    this.#transport = transport;
    this.#server = server;
    this.sessionId = changes.sessionId;
    this.apiKeyId = changes.apiKeyId;
  }

  /** Fails the test when the answer opens no session. */
  static async open(transport: Transport, server: GovernedServer, apiKeyId = 'key_1'): Promise<SessionCaller> {
    const received = await send(transport, upstreamRequest(server, initializeCall(), { apiKeyId })).received;
    const sessionId = received.kind === 'answer' ? received.head.upstreamSessionId : undefined;
    if (sessionId === undefined) throw new Error(`no session but ${JSON.stringify(received)}`);
    return new SessionCaller(transport, server, { sessionId, apiKeyId });
  }

  /** A request with this session, which may be another's. */
  request(changes: Partial<UpstreamRequest>): ReturnType<typeof send> {
    return send(this.#transport, upstreamRequest(this.#server, undefined, { upstreamSessionId: this.sessionId, apiKeyId: this.apiKeyId, ...changes }));
  }

  call(tool: string, args: object = {}): ReturnType<typeof send> {
    return this.request({ call: toolCall(tool, args) });
  }

  /** Posts a body and answers what came back. */
  post(body: string): Promise<Received> {
    return this.request({ call: rpcCall(body) }).received;
  }

  async result(tool: string, args: object = {}): Promise<Record<string, unknown>> {
    const received = await this.call(tool, args).received;
    if (received.kind !== 'answer') throw new Error(`no answer but ${JSON.stringify(received)}`);
    const { result }: { result: Record<string, unknown> } = JSON.parse(received.text);
    return result;
  }

  listen(sink = new KeepingSink()): Listener {
    const request = upstreamRequest(this.#server, undefined, {
      httpMethod: 'GET',
      upstreamSessionId: this.sessionId,
      apiKeyId: this.apiKeyId,
      acceptsEventStream: true,
    });
    return send(this.#transport, request, sink);
  }
}

/** The messages that a stream has carried so far, as they were written. */
export function messagesOf(sink: KeepingSink): string[] {
  return sink.text
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => event.replace('event: message\ndata: ', ''));
}

export function untilMessages(sink: KeepingSink, count: number): Promise<string[]> {
  return eventually(() => (messagesOf(sink).length >= count ? messagesOf(sink) : undefined), `${count} messages`);
}

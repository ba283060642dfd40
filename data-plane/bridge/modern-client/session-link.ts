/** The way to a server through one session of the bridge's: whatever is sent on it carries the session and the revision that was agreed. */
import { z } from 'zod';
import { Refusal } from '../../../shared/refusal.ts';
import type { RpcCall } from '../../mcp/rpc-call.ts';
import type { AnswerSink, Transport, UpstreamFlight, UpstreamRequest } from '../../transports/transport.ts';
import { answerSchema, askServer, type ServerAnswer } from '../ask-server.ts';
import { legacyHeaders } from './legacy-request.ts';
import { saysThereIsNoSession } from './server-words.ts';

/** The newest revision with sessions. */
const REVISION = '2025-11-25';
const OURSELVES = { name: 'turnpike', version: '0.1.0' } as const;
/** The id of `initialize`; requests count on from there. */
const FIRST_ID = 1;

const capabilitySchema = z.looseObject({ listChanged: z.boolean().optional(), subscribe: z.boolean().optional() }).optional();
const greetingSchema = z.object({
  protocolVersion: z.string().regex(/^\d{4}-\d\d-\d\d$/),
  capabilities: z.looseObject({ tools: capabilitySchema, prompts: capabilitySchema, resources: capabilitySchema }),
  serverInfo: z.looseObject({ name: z.string(), version: z.string() }),
  instructions: z.string().optional(),
});
/** What the server has said of itself. */
export type Greeting = z.infer<typeof greetingSchema>;

export interface Introducing {
  readonly capabilities: Readonly<Record<string, unknown>>;
  readonly clientInfo: object | undefined;
}

/** Rejects with a refusal when the server does not agree. */
export async function openLink(
  inner: Pick<Transport, 'send'>,
  like: UpstreamRequest,
  { capabilities, clientInfo = OURSELVES }: Introducing,
): Promise<SessionLink> {
  const params = { protocolVersion: REVISION, capabilities, clientInfo };
  const { head, value } = await askServer(inner, like, { jsonrpc: '2.0', id: FIRST_ID, method: 'initialize', params });
  const reading = greetingSchema.safeParse(answerSchema.safeParse(value).data?.result);
  if (head.status !== 200 || !reading.success) {
    throw new Refusal('upstream_error', 'bad_answer', `'${like.server.config.slug}' did not agree to begin a session (status ${head.status})`);
  }
  const link = new SessionLink(inner, like, reading.data, head.upstreamSessionId);
  await link.ask({ jsonrpc: '2.0', method: 'notifications/initialized' });
  return link;
}

export class SessionLink {
  readonly greeting: Greeting;
  readonly #inner: Pick<Transport, 'send'>;
  /** The request that opened the session, as far as it says whose that is. */
  readonly #like: UpstreamRequest;
  readonly #sessionId: string | undefined;
  #lastId = FIRST_ID;

  constructor(inner: Pick<Transport, 'send'>, like: UpstreamRequest, greeting: Greeting, sessionId: string | undefined) {
    this.#inner = inner;
    // It is kept as long as the session is, and its body may be large.
    this.#like = { ...like, call: undefined, forwardedHeaders: [] };
    this.greeting = greeting;
    this.#sessionId = sessionId;
  }

  nextId(): number {
    return ++this.#lastId;
  }

  /** Sends a message of ours, as a value or as bytes. */
  ask(message: object): Promise<ServerAnswer> {
    return askServer(this.#inner, this.#like, message, { headers: legacyHeaders([], this.greeting.protocolVersion), ...this.#session });
  }

  /** Whether the server still knows the session. */
  async isKnown(): Promise<boolean> {
    const { head, value } = await this.ask({ jsonrpc: '2.0', id: this.nextId(), method: 'ping' });
    return !saysThereIsNoSession(head.status, Buffer.from(JSON.stringify(value ?? null)));
  }

  /** Sends a caller's request in the form that the server knows. */
  send(request: UpstreamRequest, call: RpcCall, sink: AnswerSink): UpstreamFlight {
    const forwardedHeaders = legacyHeaders(request.forwardedHeaders, this.greeting.protocolVersion);
    return this.#inner.send({ ...request, call, forwardedHeaders, ...this.#reading, upstreamSessionId: this.#sessionId }, sink);
  }

  /** Opens the stream of what belongs to no call, or takes up another one behind the event of that id. */
  listen(sink: AnswerSink, lastEventId?: string): UpstreamFlight {
    return this.#sendBodyless('GET', sink, lastEventId === undefined ? [] : ['last-event-id', lastEventId]);
  }

  /** Tells the server that the session is over. Resolves whatever it answers: there is nobody left to hear it. */
  end(): Promise<void> {
    if (this.#sessionId === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => resolve();
      this.#sendBodyless('DELETE', { answer: done, open: done, write: () => true, end: done, fail: done }, []);
    });
  }

  #sendBodyless(httpMethod: 'GET' | 'DELETE', sink: AnswerSink, headers: readonly string[]): UpstreamFlight {
    const forwardedHeaders = [...legacyHeaders([], this.greeting.protocolVersion), ...headers];
    return this.#inner.send({ ...this.#like, httpMethod, call: undefined, forwardedHeaders, ...this.#reading, upstreamSessionId: this.#sessionId }, sink);
  }

  get #session(): { upstreamSessionId?: string } {
    return this.#sessionId === undefined ? {} : { upstreamSessionId: this.#sessionId };
  }

  get #reading() {
    return { acceptsEventStream: true, acceptsJson: true } as const;
  }
}

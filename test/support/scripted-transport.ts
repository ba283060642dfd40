/** A transport behind which a server with sessions answers as a test tells it to. */
import { z } from 'zod';
import { ACCEPTED_HEAD, ENDED_HEAD, EVENTS_HEAD, JSON_HEAD, NO_BODY, toEvent } from '../../data-plane/transports/answer-forms.ts';
import type { Refusal } from '../../shared/refusal.ts';
import type { AnswerSink, Transport, UpstreamFlight, UpstreamRequest } from '../../data-plane/transports/transport.ts';

const paramsSchema = z.looseObject({ _meta: z.looseObject({ progressToken: z.number().optional() }).optional() });
const messageSchema = z.looseObject({ id: z.union([z.string(), z.number()]).optional(), method: z.string().optional(), params: paramsSchema.optional() });

export const GREETING = {
  protocolVersion: '2025-06-18',
  capabilities: { tools: { listChanged: true }, resources: { subscribe: true }, logging: {}, tasks: { list: {} } },
  serverInfo: { name: 'scripted', version: '1' },
  instructions: 'be gentle',
} as const;

/** What has reached the server, and the way to answer it. */
export class Heard {
  readonly request: UpstreamRequest;
  readonly message: z.infer<typeof messageSchema>;
  readonly #sink: AnswerSink;
  isCancelled = false;
  isOver = false;
  #isOpen = false;

  constructor(request: UpstreamRequest, sink: AnswerSink) {
    this.request = request;
    this.message = messageSchema.parse(JSON.parse(request.call?.bytes.toString('utf8') ?? '{}'));
    this.#sink = sink;
  }

  get text(): string {
    return this.request.call?.bytes.toString('utf8') ?? '';
  }

  /** The result is JSON, put in as it is. */
  result(json: string): void {
    this.json(200, `{"jsonrpc":"2.0","id":${this.message.id},"result":${json}}`);
  }

  error(code: number, status = 200): void {
    this.json(status, `{"jsonrpc":"2.0","id":${this.message.id},"error":{"code":${code},"message":"no"}}`);
  }

  json(status: number, body: string): void {
    this.isOver = true;
    if (!this.#isOpen) return this.#sink.answer({ ...JSON_HEAD, status }, Buffer.from(body));
    this.#sink.write(toEvent(Buffer.from(body)));
    this.#sink.end();
  }

  /** Says something on the stream of the answer. */
  say(message: object): void {
    this.open();
    this.#sink.write(toEvent(Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message }))));
  }

  open(): void {
    if (!this.#isOpen) this.#sink.open(EVENTS_HEAD);
    this.#isOpen = true;
  }

  accept(): void {
    this.isOver = true;
    this.#sink.answer(this.request.httpMethod === 'DELETE' ? ENDED_HEAD : ACCEPTED_HEAD, NO_BODY);
  }

  get sink(): AnswerSink {
    return this.#sink;
  }
}

export class ScriptedTransport implements Transport {
  /** In order. */
  readonly heard: Heard[] = [];
  readonly #script: (heard: Heard) => void;
  #sessions = 0;
  /** What becomes of a client's answers from now on. */
  refuseResponses: Refusal | undefined;

  /** `script` answers requests and opens streams; the handshake, notifications, responses and DELETE are answered here. */
  constructor(script: (heard: Heard) => void) {
    this.#script = script;
  }

  /** Messages of that method, or requests of that HTTP method. */
  of(method: string): Heard[] {
    return this.heard.filter(({ message, request }) => message.method === method || (message.method === undefined && request.httpMethod === method));
  }

  send(request: UpstreamRequest, sink: AnswerSink): UpstreamFlight {
    const heard = new Heard(request, sink);
    this.heard.push(heard);
    queueMicrotask(() => this.#answer(heard, sink));
    return { resume: () => undefined, cancel: () => void (heard.isCancelled = true) };
  }

  retire(): void {
    // Nothing is kept.
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #answer(heard: Heard, sink: AnswerSink): void {
    const { message, request } = heard;
    if (message.method === 'initialize') {
      const body = JSON.stringify({ jsonrpc: '2.0', id: message.id, result: GREETING });
      return sink.answer({ ...JSON_HEAD, upstreamSessionId: `session-${++this.#sessions}` }, Buffer.from(body));
    }
    if (this.refuseResponses !== undefined && request.call?.messages[0].kind === 'response') return sink.fail(this.refuseResponses);
    if (request.httpMethod === 'DELETE' || (request.httpMethod === 'POST' && (message.id === undefined || message.method === undefined))) return heard.accept();
    this.#script(heard);
  }
}

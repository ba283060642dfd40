/** Asks a server something on the gateway's own account, over whichever transport reaches it. */
import { z } from 'zod';
import { Refusal } from '../../shared/refusal.ts';
import { readRpcCall } from '../mcp/read-rpc-call.ts';
import type { AnswerHead, AnswerSink, Transport, UpstreamRequest } from '../transports/transport.ts';

/** What a message of ours needs beside itself. */
export interface Asking {
  /** Flat: name, value, name, value. */
  readonly headers?: readonly string[];
  readonly upstreamSessionId?: string;
}

export interface ServerAnswer {
  readonly head: AnswerHead;
  /** The answer as a value; undefined for an empty body, such as that of a 202. */
  readonly value: unknown;
}

const ANSWER_BYTES_MAX = 4 * 1024 * 1024;
const ANSWER_MILLIS_MAX = 20_000;

/** A JSON-RPC answer, as far as we ask for one. */
export const answerSchema = z.object({
  result: z.looseObject({}).optional(),
  error: z.object({ code: z.number(), message: z.string().default(''), data: z.unknown().optional() }).optional(),
});

/**
 * Sends a message, a value or its bytes, in the place of the caller of `like`, whose key and server it takes. Rejects with the refusal that its
 * ending would be, also when the server takes too long; a status of 4xx is an answer like any other.
 */
export function askServer(transport: Pick<Transport, 'send'>, like: UpstreamRequest, message: object, asking: Asking = {}): Promise<ServerAnswer> {
  const call = readRpcCall(Buffer.isBuffer(message) ? message : Buffer.from(JSON.stringify(message)));
  return new Promise((resolve, reject) => {
    const sink = new AnswerCollector(
      (answer) => (clearTimeout(timer), resolve(answer)),
      (error) => (clearTimeout(timer), reject(error)),
    );
    const timer = setTimeout(() => {
      flight.cancel();
      reject(new Refusal('upstream_timeout', 'total_timeout', `'${like.server.config.slug}' did not answer in time`));
    }, ANSWER_MILLIS_MAX);
    const flight = transport.send(
      {
        requestId: like.requestId,
        server: like.server,
        apiKeyId: like.apiKeyId,
        tailPath: like.tailPath,
        httpMethod: 'POST',
        call,
        upstreamSessionId: asking.upstreamSessionId,
        introduction: undefined,
        forwardedHeaders: asking.headers ?? [],
        acceptsEventStream: false,
        acceptsJson: true,
        responseBytesMax: ANSWER_BYTES_MAX,
      },
      sink,
    );
  });
}

/** Takes the one JSON answer that a caller gets who reads no event streams. */
class AnswerCollector implements AnswerSink {
  readonly #resolve: (answer: ServerAnswer) => void;
  readonly #reject: (error: unknown) => void;

  constructor(resolve: (answer: ServerAnswer) => void, reject: (error: unknown) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  answer(head: AnswerHead, body: Buffer): void {
    try {
      this.#resolve({ head, value: body.length === 0 ? undefined : JSON.parse(body.toString('utf8')) });
    } catch (cause) {
      this.#reject(new Refusal('upstream_error', 'bad_answer', 'the server sent an answer that is not JSON', {}, { cause }));
    }
  }

  open(): void {
    this.#reject(new Refusal('upstream_error', 'bad_answer', 'the server sent an event stream to whoever reads none'));
  }

  write(): boolean {
    return true;
  }

  end(): void {
    // The stream was refused when it began.
  }

  fail(refusal: Refusal): void {
    this.#reject(refusal);
  }
}

/** Takes a batch apart, since the server knows none, and puts the answers together again (JSON-RPC 2.0, section 6; MCP 2025-03-26). */
import { jsonRpcCodeOf } from '../../../shared/refusals.ts';
import type { Refusal } from '../../../shared/refusal.ts';
import { readRpcCall } from '../../mcp/read-rpc-call.ts';
import type { RpcCall, RpcMessage } from '../../mcp/rpc-call.ts';
import { ACCEPTED_HEAD, NO_BODY } from '../../transports/answer-forms.ts';
import { elementsOf } from '../../transports/json-members.ts';
import type { AnswerHead, AnswerSink, UpstreamFlight, UpstreamRequest } from '../../transports/transport.ts';
import { badAnswer } from '../../transports/upstream-objections.ts';
import { answerWith, errorFor } from './own-answers.ts';

type Send = (request: UpstreamRequest, sink: AnswerSink) => UpstreamFlight;

/** Every message on its own way; the caller gets one array, or 202 where nothing was asked. */
export function sendBatch(send: Send, request: UpstreamRequest, batch: RpcCall, sink: AnswerSink): UpstreamFlight {
  const flights: UpstreamFlight[] = [];
  const answers: Buffer[] = [];
  const elements = elementsOf(batch.bytes, { start: batch.bytes.indexOf('['), end: batch.bytes.length }) ?? [];
  let missing = elements.length;
  let bytesLeft = request.responseBytesMax;
  const cancel = () => flights.forEach((flight) => flight.cancel());
  const arrived = (answer: Buffer): void => {
    if (bytesLeft < 0) return;
    if (answer.length > 0) answers.push(answer);
    bytesLeft -= answer.length;
    missing--;
    if (bytesLeft < 0) {
      cancel();
      sink.fail(badAnswer(request.server, 'response_too_large', `more than ${request.responseBytesMax} bytes`));
    } else if (missing === 0) {
      if (answers.length === 0) sink.answer(ACCEPTED_HEAD, NO_BODY);
      else answerWith(request, sink, joined(answers));
    }
  };
  elements.forEach((range, at) => {
    const message = batch.messages[at];
    if (message === undefined || bytesLeft < 0) return;
    const call = readRpcCall(batch.bytes.subarray(range.start, range.end));
    flights.push(send({ ...request, call, acceptsEventStream: false, acceptsJson: true }, new ElementSink(message, arrived)));
  });
  return { resume: () => undefined, cancel };
}

function joined(answers: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from('['), ...answers.flatMap((answer, at) => (at === 0 ? [answer] : [Buffer.from(','), answer])), Buffer.from(']')]);
}

/** The answer to one message; what a batch could not say by a status is an error in its place. */
class ElementSink implements AnswerSink {
  readonly #message: RpcMessage;
  readonly #arrived: (answer: Buffer) => void;

  constructor(message: RpcMessage, arrived: (answer: Buffer) => void) {
    this.#message = message;
    this.#arrived = arrived;
  }

  answer(_head: AnswerHead, body: Buffer): void {
    this.#arrived(body);
  }

  fail(refusal: Refusal): void {
    const { kind } = this.#message;
    this.#arrived(kind === 'request' ? errorFor(this.#message, jsonRpcCodeOf(refusal.status, refusal.reason), refusal.message) : NO_BODY);
  }

  open(): void {
    throw new Error('a caller who takes JSON alone was sent an event stream');
  }

  write(): boolean {
    return true;
  }

  end(): void {
    // There is no stream that could end.
  }
}

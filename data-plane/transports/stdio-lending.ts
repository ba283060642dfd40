/** Serves callers who own no child process: requests go to one that is lent for the call, everything else is answered here. */
import { Refusal } from '../../shared/refusal.ts';
import { LANDED } from './late-flight.ts';
import type { RpcCall, RpcMessage } from '../mcp/rpc-call.ts';
import { ACCEPTED_HEAD, JSON_HEAD, NO_BODY } from './answer-forms.ts';
import { readCancelled } from './rpc-tokens.ts';
import type { StdioChild } from './stdio-child.ts';
import { splice, toLine } from './message-splice.ts';
import type { AnswerHead, AnswerSink, UpstreamFlight, UpstreamRequest } from './transport.ts';

/** How the children of a server are given to its callers. */
export interface StdioDispatch {
  /** Throws a refusal when the request cannot be served. */
  send(request: UpstreamRequest, sink: AnswerSink): UpstreamFlight;
}

export interface ChildLender {
  /** Throws a refusal when no child can take the call. */
  childFor(request: UpstreamRequest): StdioChild;
  /** Those that may work on a call of this caller. */
  readonly children: Iterable<StdioChild>;
}

export function sendOnLoan(request: UpstreamRequest, sink: AnswerSink, lender: ChildLender): UpstreamFlight {
  const { call } = request;
  if (call === undefined) {
    throw new Refusal('method_not_allowed', 'method_not_allowed', 'without a session, a STDIO server has neither a stream of its own nor anything to end');
  }
  const message = onlyMessageOf(call);
  if (message.kind === 'request' && message.method === 'ping') {
    return answerAtOnce(sink, JSON_HEAD, pong(call.bytes.subarray(message.idStart, message.idEnd)));
  }
  if (message.kind === 'request') return lender.childFor(request).call(request, message, call.bytes, sink);
  if (message.method === 'notifications/cancelled') cancelCall(lender.children, request, call);
  return accept(sink);
}

/** A child reads one message per line, so a batch has no form there. */
export function onlyMessageOf(call: RpcCall): RpcMessage {
  if (call.isBatch) throw new Refusal('invalid_request', 'invalid_jsonrpc', 'this transport takes one message at a time');
  return call.messages[0];
}

/** Tells the child with its own id for the request, and ends the call: a cancelled request gets no answer (MCP 2025-11-25, Cancellation). */
export function cancelCall(children: Iterable<StdioChild>, request: UpstreamRequest, { bytes }: RpcCall): void {
  const cancelled = readCancelled(bytes);
  if (cancelled === undefined) return;
  for (const child of children) {
    const call = child.findCall(request, cancelled.token);
    if (call === undefined) continue;
    // The specification does not let a client cancel its handshake.
    if (call.method === 'initialize') return;
    const line = toLine(splice(bytes, [cancelled.range], Buffer.from(String(call.id))));
    return child.endCall(call, line, new Refusal('client_closed_request', 'client_gone', 'the caller cancelled this request'));
  }
}

/** The answer to what needs none. */
export function accept(sink: AnswerSink): UpstreamFlight {
  return answerAtOnce(sink, ACCEPTED_HEAD, NO_BODY);
}

export function answerAtOnce(sink: AnswerSink, head: AnswerHead, body: Buffer): UpstreamFlight {
  sink.answer(head, body);
  return LANDED;
}

function pong(idToken: Buffer): Buffer {
  return Buffer.concat([Buffer.from('{"jsonrpc":"2.0","id":'), idToken, Buffer.from(',"result":{}}')]);
}

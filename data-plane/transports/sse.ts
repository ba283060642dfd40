/** The HTTP+SSE transport of revision 2024-11-05: callers speak Streamable HTTP, and a connection per session speaks to the server. */
import { asRefusal, Refusal } from '../../shared/refusal.ts';
import { ACCEPTED_HEAD, ENDED_HEAD, NO_BODY } from './answer-forms.ts';
import { SseConnections, type SseParts } from './sse-connections.ts';
import { LANDED } from './late-flight.ts';
import type { AnswerSink, Transport, UpstreamFlight, UpstreamRequest } from './transport.ts';
import { refusalOfUpstreamError } from './upstream-errors.ts';

/** The pools are closed by whoever made them. */
export function createSseTransport(parts: SseParts): Transport {
  const connections = new SseConnections(parts);
  return {
    send: (request, sink) => {
      try {
        return send(connections, request, sink);
      } catch (error) {
        sink.fail(error instanceof Error && 'code' in error ? refusalOfUpstreamError(error, request.server) : asRefusal(error));
        return LANDED;
      }
    },
    retire: (serverId) => connections.retire(serverId),
    close: () => Promise.resolve(connections.close()),
  };
}

function send(connections: SseConnections, request: UpstreamRequest, sink: AnswerSink): UpstreamFlight {
  const { call } = request;
  if (request.tailPath !== '') throw new Refusal('mcp_not_found', 'unknown_path', 'an HTTP+SSE server names its own paths');
  const hasSession = request.upstreamSessionId !== undefined;
  if (call === undefined && !hasSession) {
    throw new Refusal('method_not_allowed', 'method_not_allowed', 'without a session there is neither a stream to open nor one to end; send initialize first');
  }
  if (call === undefined) return request.httpMethod === 'GET' ? connections.find(request).listen(sink) : end(connections, request, sink);
  if (call.isBatch) throw new Refusal('invalid_request', 'invalid_jsonrpc', 'this transport takes one message at a time');
  const [message] = call.messages;
  if (message.kind === 'request') {
    const connection = message.method === 'initialize' ? connections.open(request) : hasSession ? connections.find(request) : connections.ambientOf(request);
    return connection.call(request, message, call.bytes, sink);
  }
  if (hasSession) return landing(connections.find(request).forward(request, message, call.bytes), request, sink);
  // Nobody stands behind a lent connection alone, so a caller may say nothing on it but that it waits no longer.
  const lent = message.method === 'notifications/cancelled' ? connections.findAmbient(request) : undefined;
  return landing(lent?.forward(request, message, call.bytes) ?? Promise.resolve(), request, sink);
}

function end(connections: SseConnections, request: UpstreamRequest, sink: AnswerSink): UpstreamFlight {
  connections.find(request).end(new Refusal('client_closed_request', 'client_gone', 'the caller ended this session'), true);
  sink.answer(ENDED_HEAD, NO_BODY);
  return LANDED;
}

/** What has no answer is answered once the server has taken it. */
function landing(taken: Promise<void>, { server }: UpstreamRequest, sink: AnswerSink): UpstreamFlight {
  let isCancelled = false;
  taken.then(
    () => isCancelled || sink.answer(ACCEPTED_HEAD, NO_BODY),
    (error: unknown) => isCancelled || sink.fail(refusalOfUpstreamError(error, server)),
  );
  return { resume: () => undefined, cancel: () => void (isCancelled = true) };
}

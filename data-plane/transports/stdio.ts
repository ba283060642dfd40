/** The STDIO transport: many callers share a warm child process, each message spliced into its input by bytes. */
import { asRefusal, Refusal } from '../../shared/refusal.ts';
import type { RpcMessage } from '../mcp/rpc-call.ts';
import { JSON_HEAD, readCancelled } from './stdio-call.ts';
import type { StdioNoise } from './stdio-child.ts';
import type { StdioPool } from './stdio-pool.ts';
import { StdioPools, type StdioParts } from './stdio-pools.ts';
import { blankLineBreaks, splice } from './stdio-splice.ts';
import type { AnswerHead, AnswerSink, Transport, UpstreamFlight, UpstreamRequest } from './transport.ts';

export interface StdioTransport extends Transport {
  readonly noise: Readonly<StdioNoise>;
}

const ACCEPTED_HEAD: AnswerHead = { status: 202, contentType: undefined, upstreamSessionId: undefined, headers: [] };
const NOTHING = Buffer.alloc(0);
/** The flight of a request that has ended already. */
const LANDED: UpstreamFlight = { resume: () => undefined, cancel: () => undefined };

export function createStdioTransport(parts: StdioParts): StdioTransport {
  const pools = new StdioPools(parts);
  return {
    noise: pools.noise,
    send: (request, sink) => {
      try {
        return send(pools, request, sink);
      } catch (error) {
        sink.fail(asRefusal(error));
        return LANDED;
      }
    },
    retire: (serverId) => pools.retire(serverId),
    close: () => pools.close(),
  };
}

function send(pools: StdioPools, request: UpstreamRequest, sink: AnswerSink): UpstreamFlight {
  const { call } = request;
  if (request.tailPath !== '') throw new Refusal('mcp_not_found', 'unknown_path', 'a STDIO server has no sub-paths');
  if (call === undefined) {
    throw new Refusal('method_not_allowed', 'method_not_allowed', 'a STDIO server has neither a stream of its own nor a session to end');
  }
  if (call.isBatch) throw new Refusal('invalid_request', 'invalid_jsonrpc', 'this transport takes one message at a time');
  const pool = pools.poolOf(request.server);
  const [message] = call.messages;
  if (message.kind === 'request' && message.method === 'ping') {
    sink.answer(JSON_HEAD, pong(call.bytes.subarray(message.idStart, message.idEnd)));
    return LANDED;
  }
  if (message.kind === 'request') return pool.call(request, message, call.bytes, sink);
  if (message.method === 'notifications/cancelled') cancel(pool, request, message, call.bytes);
  sink.answer(ACCEPTED_HEAD, NOTHING);
  return LANDED;
}

/** Tells the child with its own id for the request, and ends the call: a cancelled request gets no answer (MCP 2025-11-25, Cancellation). */
function cancel(pool: StdioPool, request: UpstreamRequest, message: RpcMessage, bytes: Buffer): void {
  const cancelled = message.kind === 'notification' ? readCancelled(bytes) : undefined;
  const found = cancelled === undefined ? undefined : pool.findCall(request, cancelled.token);
  if (cancelled === undefined || found === undefined || found.call.method === 'initialize') return;
  const line = blankLineBreaks(splice(bytes, [cancelled.range], Buffer.from(String(found.call.id))));
  const refusal = new Refusal('client_closed_request', 'client_gone', 'the caller cancelled this request');
  found.child.endCall(found.call, Buffer.concat([line, Buffer.from('\n')]), refusal);
}

function pong(idToken: Buffer): Buffer {
  return Buffer.concat([Buffer.from('{"jsonrpc":"2.0","id":'), idToken, Buffer.from(',"result":{}}')]);
}

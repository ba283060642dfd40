/** Callers of an HTTP+SSE transport for tests: servers at an address, and sessions that are opened. */
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import type { GovernedServer } from '../../data-plane/config/governed-server.ts';
import type { RpcCall } from '../../data-plane/mcp/rpc-call.ts';
import { createSseTransport } from '../../data-plane/transports/sse.ts';
import type { SseLimits } from '../../data-plane/transports/sse-limits.ts';
import type { Transport, UpstreamRequest } from '../../data-plane/transports/transport.ts';
import { UpstreamPools } from '../../data-plane/transports/upstream-pools.ts';
import { rpcCall } from './rpc-call.ts';
import { changed, send, stdioServer, upstreamRequest, type KeepingSink } from './stdio-caller.ts';

/** A transport that is closed when the test ends. */
export function openSseTransport(limits: Partial<SseLimits> = {}, privateCidrs?: readonly string[]): Transport {
  const pools = new UpstreamPools({ connectionsMax: 64, streamsMax: 64, privateCidrs });
  const transport = createSseTransport({ pools, log: pino({ level: 'silent' }), limits });
  onTestFinished(async () => {
    await transport.close();
    await pools.close();
  });
  return transport;
}

export function sseServer(endpointUrl: string, { id = 'srv_1', authHeaders = [] }: { id?: string; authHeaders?: readonly string[] } = {}): GovernedServer {
  const server = changed(stdioServer(), { id, transport: 'SSE', endpointUrl, stdioCommand: null, stdioArgs: [] });
  return { ...server, upstreamAuthHeaders: authHeaders, stdioEnv: {} };
}

export const INITIALIZE = rpcCall('{"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"roots":{}}}}');

/** Opens a session and answers what later requests of it are made of. */
export async function openSession(transport: Transport, server: GovernedServer, changes: Partial<UpstreamRequest> = {}): Promise<CallerSession> {
  const received = await send(transport, upstreamRequest(server, INITIALIZE, changes)).received;
  const upstreamSessionId = received.kind === 'failure' ? undefined : received.head.upstreamSessionId;
  if (upstreamSessionId === undefined) throw new Error(`no session but ${JSON.stringify(received)}`);
  const ofSession = (call: RpcCall | undefined, more: Partial<UpstreamRequest> = {}) =>
    upstreamRequest(server, call, { ...changes, upstreamSessionId, ...more });
  return {
    post: (call, more, sink) => send(transport, ofSession(call, more), sink),
    listen: (sink) => send(transport, ofSession(undefined, { httpMethod: 'GET', acceptsEventStream: true }), sink),
    end: () => send(transport, ofSession(undefined, { httpMethod: 'DELETE' })),
  };
}

export interface CallerSession {
  post(call: RpcCall, more?: Partial<UpstreamRequest>, sink?: KeepingSink): ReturnType<typeof send>;
  listen(sink?: KeepingSink): ReturnType<typeof send>;
  end(): ReturnType<typeof send>;
}

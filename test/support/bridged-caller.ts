/** Callers of the revisions with sessions in front of the bridge, and a server of 2026-07-28 behind it that a test plays. */
import { Discoveries } from '../../data-plane/bridge/discoveries.ts';
import { MemoryEndedSessions } from '../../data-plane/bridge/legacy-client/ended-sessions.ts';
import { bridgeLegacyCallers } from '../../data-plane/bridge/legacy-client/bridge-legacy-callers.ts';
import type { RpcCall } from '../../data-plane/mcp/rpc-call.ts';
import type { Transport, UpstreamFlight, UpstreamRequest } from '../../data-plane/transports/transport.ts';
import { systemClock, type Clock } from '../../shared/clock.ts';
import { rpcCall } from './rpc-call.ts';
import { playedServer, type PlayedServer, type SentRequest } from './played-server.ts';
import { KeepingSink, stdioServer, upstreamRequest } from './stdio-caller.ts';

export interface BridgedCaller {
  readonly bridge: Transport;
  readonly inner: PlayedServer;
  /** Everything that went up beside the words that open a session. */
  calls(): SentRequest[];
  /** Sends a message, or with undefined opens a stream. */
  send(call: RpcCall | undefined, changes?: Partial<UpstreamRequest>): { sink: KeepingSink; flight: UpstreamFlight };
  /** Opens a session and answers the changes that make a request one of it. */
  open(capabilities?: object): Promise<Partial<UpstreamRequest>>;
}

export const DISCOVERED = {
  supportedVersions: ['2026-07-28'],
  capabilities: { tools: { listChanged: true }, prompts: {}, resources: { subscribe: true, listChanged: true }, extensions: { ui: {} } },
  instructions: 'Be kind.',
  _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'modern-server', version: '3' } },
};

/** The bridge in front of a transport, as the gateway puts it there. */
export function openLegacyBridge(inner: Transport, clock: Clock = systemClock): Transport {
  return bridgeLegacyCallers(inner, { discoveries: new Discoveries(inner, clock), ended: new MemoryEndedSessions(clock), clock });
}

interface Played {
  readonly greet?: (sent: SentRequest) => void;
  readonly discovered?: object;
  readonly clock?: Clock;
}

/** `greet` answers `initialize`, and `discovered` is what the server says of itself; the rest is the test's. */
export function startBridgedCaller({ greet = refuse(), discovered = DISCOVERED, clock = systemClock }: Played = {}): BridgedCaller {
  const inner = playedServer((sent) => {
    if (sent.text.includes('"initialize"')) greet(sent);
    if (sent.text.includes('"server/discover"')) sent.answer(JSON.stringify({ jsonrpc: '2.0', id: 'turnpike', result: discovered }));
  });
  const bridge = openLegacyBridge(inner, clock);
  const server = stdioServer();
  const send: BridgedCaller['send'] = (call, changes = {}) => {
    const sink = new KeepingSink();
    const flight = bridge.send(upstreamRequest(server, call, { httpMethod: call === undefined ? 'GET' : 'POST', acceptsEventStream: true, ...changes }), sink);
    return { sink, flight };
  };
  return {
    bridge,
    inner,
    send,
    calls: () => inner.sent.filter(({ text }) => !text.includes('"initialize"') && !text.includes('"server/discover"')),
    open: async (capabilities = {}) => {
      const received = await send(initialize(capabilities)).sink.received;
      if (received.kind !== 'answer') throw new Error(`no session but ${JSON.stringify(received)}`);
      const introduction = JSON.stringify({ protocolVersion: '2025-06-18', capabilities, clientInfo: { name: 'old', version: '1' } });
      return { upstreamSessionId: received.head.upstreamSessionId, introduction };
    },
  };
}

export const NO_SUCH_METHOD = '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no such method"}}';

/** Greets with this answer. */
export function refuse(status = 404, body = NO_SUCH_METHOD): (sent: SentRequest) => void {
  return (sent) => sent.answer(body, { status });
}

export function initialize(capabilities: object = {}, protocolVersion = '2025-06-18', idToken = '1'): RpcCall {
  const params = JSON.stringify({ protocolVersion, capabilities, clientInfo: { name: 'old', version: '1' } });
  return rpcCall(`{"jsonrpc":"2.0","id":${idToken},"method":"initialize","params":${params}}`);
}

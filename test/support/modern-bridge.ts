/** Callers of revision 2026-07-28 in front of a scripted server with sessions, with nothing but the bridge in between. */
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { bridgeModernCallers, type BridgeParts } from '../../data-plane/bridge/modern-client/bridge-modern-callers.ts';
import { readRpcCall } from '../../data-plane/mcp/read-rpc-call.ts';
import type { UpstreamRequest } from '../../data-plane/transports/transport.ts';
import { ScriptedTransport, type Heard } from './scripted-transport.ts';
import { KeepingSink, stdioServer, upstreamRequest } from './stdio-caller.ts';

const { config, ...governed } = stdioServer();
const HTTP_SERVER = { ...governed, config: { ...config, transport: 'STREAMABLE_HTTP' as const } };
/** A client that can be asked. */
export const CAPABLE = '"io.modelcontextprotocol/clientCapabilities":{"elicitation":{},"sampling":{}}';
const META = '"io.modelcontextprotocol/protocolVersion":"2026-07-28"';

/** A request of the revision; `meta` and `params` are JSON members. */
export function modern(method: string, { id = '"mine"', meta = '', params = '', capabilities = '"io.modelcontextprotocol/clientCapabilities":{}' } = {}) {
  const members = [META, capabilities, meta].filter((part) => part !== '').join(',');
  return `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":{${params === '' ? '' : `${params},`}"_meta":{${members}}}}`;
}

/** The bridge in front of a server that answers as the script says, and ways to call through it. */
export function startBridge(script: (heard: Heard) => void, limits: BridgeParts['limits'] = {}, isModernOnly = () => false) {
  const server = new ScriptedTransport(script);
  const bridge = bridgeModernCallers(server, { discoveries: undefined, isModernOnly, log: pino({ level: 'silent' }), limits });
  onTestFinished(() => bridge.close());
  const send = (body: string, changes: Partial<UpstreamRequest> = {}) => {
    const sink = new KeepingSink();
    const request = upstreamRequest(HTTP_SERVER, readRpcCall(Buffer.from(body)), { acceptsEventStream: true, ...changes });
    return { sink, flight: bridge.send(request, sink), received: sink.received };
  };
  const ask = async (body: string, changes: Partial<UpstreamRequest> = {}) => {
    const received = await send(body, changes).received;
    if (received.kind === 'failure') throw received.refusal;
    return {
      status: received.head.status,
      text: received.text,
      value: JSON.parse(received.kind === 'answer' ? received.text : (/data: (.+)\n\n$/.exec(received.text)?.[1] ?? '')),
    };
  };
  return { server, bridge, send, ask };
}

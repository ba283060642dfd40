/** What we ourselves say to a server that callers reach through us, a line each. */
import { DISCOVER } from '../bridge/discoveries.ts';
import { MODERN_REVISION } from '../mcp/protocol-revisions.ts';

/** The id of our own `initialize`; some servers take 0 for none. */
export const HANDSHAKE_ID = 1;

export const INITIALIZE_LINE = toLine({
  jsonrpc: '2.0',
  id: HANDSHAKE_ID,
  method: 'initialize',
  // Nobody stands behind this connection alone, so nothing is offered that a server could ask one client for.
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'turnpike', version: '0.1.0' } },
});
/** Asks a server that has refused the handshake whether it speaks the revision without. */
export const DISCOVER_LINE = toLine({ ...DISCOVER, id: HANDSHAKE_ID });
export const INITIALIZED_LINE = toLine({ jsonrpc: '2.0', method: 'notifications/initialized' });

export function toCancelledLine(requestId: number): Buffer {
  return toLine({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId, reason: 'the caller no longer waits' } });
}

/** The answer in the place of a server without a handshake to whatever does not stand alone. */
export const MODERN_ONLY_LINE = toLine({
  jsonrpc: '2.0',
  id: HANDSHAKE_ID,
  error: { code: -32_022, message: 'the server knows no revision with sessions', data: { supported: [MODERN_REVISION] } },
});

/** Answers a server's own request, with its id as it wrote it: a ping is answered, for all else there is nobody to ask. */
export function replyTo(method: string, idToken: Buffer): Buffer {
  const rest = method === 'ping' ? '"result":{}' : '"error":{"code":-32601,"message":"Method not found"}';
  return Buffer.concat([Buffer.from('{"jsonrpc":"2.0","id":'), idToken, Buffer.from(`,${rest}}\n`)]);
}

/** Answers a server's request that its client could not be told of in time. */
export function replyUnheard(idToken: Buffer): Buffer {
  return Buffer.concat([Buffer.from('{"jsonrpc":"2.0","id":'), idToken, Buffer.from(',"error":{"code":-32603,"message":"The client does not listen"}}\n')]);
}

function toLine(message: object): Buffer {
  return Buffer.from(`${JSON.stringify(message)}\n`);
}

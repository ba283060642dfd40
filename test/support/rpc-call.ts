/** Makes judged calls for tests of transports. */
import { readRpcCall } from '../../data-plane/mcp/read-rpc-call.ts';
import type { RpcCall } from '../../data-plane/mcp/rpc-call.ts';

/** The body as it is given. */
export function rpcCall(body: string): RpcCall {
  return readRpcCall(Buffer.from(body));
}

/** `idToken` and `meta` are written into the body as they are. */
export function toolCall(tool: string, args: object = {}, idToken = '1', meta = ''): RpcCall {
  const rest = meta === '' ? '' : `,"_meta":${meta}`;
  return rpcCall(
    `{"jsonrpc":"2.0","id":${idToken},"method":"tools/call","params":{"name":${JSON.stringify(tool)},"arguments":${JSON.stringify(args)}${rest}}}`,
  );
}

/** Makes judged calls for tests of transports, without the parser of record. */
import { findMember, findTopLevelValue, type ByteRange } from '../../data-plane/transports/json-members.ts';
import type { RpcCall, RpcMessage } from '../../data-plane/mcp/rpc-call.ts';

/** The body as it is given; it must be one valid message. */
export function rpcCall(body: string | Buffer): RpcCall {
  const bytes = Buffer.from(body);
  return { bytes, isBatch: false, messages: [messageIn(bytes)] };
}

export function toolCall(tool: string, args: object = {}, idToken = '1', meta = ''): RpcCall {
  const rest = meta === '' ? '' : `,"_meta":${meta}`;
  return rpcCall(`{"jsonrpc":"2.0","id":${idToken},"method":"tools/call","params":{"name":${JSON.stringify(tool)},"arguments":${JSON.stringify(args)}${rest}}}`);
}

function messageIn(bytes: Buffer): RpcMessage {
  const value: Record<string, unknown> = JSON.parse(bytes.toString('utf8'));
  const id = findTopLevelValue(bytes, 'id');
  const token = within(bytes, within(bytes, findTopLevelValue(bytes, 'params'), '_meta'), 'progressToken');
  const { method } = value;
  return {
    kind: typeof method !== 'string' ? 'response' : id === undefined ? 'notification' : 'request',
    method: typeof method === 'string' ? method : undefined,
    idToken: id === undefined ? undefined : bytes.toString('utf8', id.start, id.end),
    idStart: id?.start ?? -1,
    idEnd: id?.end ?? -1,
    tool: undefined,
    progressTokenStart: token?.start ?? -1,
    progressTokenEnd: token?.end ?? -1,
    value,
  };
}

function within(bytes: Buffer, object: ByteRange | undefined, key: string): ByteRange | undefined {
  return object === undefined ? undefined : findMember(bytes, object, key);
}

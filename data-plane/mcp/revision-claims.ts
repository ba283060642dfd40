/** Reads which revision a message claims for itself, as all requests since 2026-07-28 must, and older ones never do. */
import { isRecord } from '../../shared/is-record.ts';
import type { RpcCall, RpcMessage } from './rpc-call.ts';

export const CLAIM_KEY = 'io.modelcontextprotocol/protocolVersion';
/** Opens a stream without an end, as GET does in the era with sessions. */
const LISTEN_METHOD = 'subscriptions/listen';

/** Whatever stands at the key in `params._meta`; undefined without one. */
export function claimOf(message: RpcMessage): unknown {
  const meta = paramOf(message, '_meta');
  return isRecord(meta) ? meta[CLAIM_KEY] : undefined;
}

/** Whether the call belongs to no session. */
export function standsAlone(call: RpcCall): boolean {
  return claimOf(call.messages[0]) !== undefined;
}

/** Whether the answer is a stream that lasts until the caller leaves; a GET has no call. */
export function listens(call: RpcCall | undefined): boolean {
  if (call === undefined) return true;
  // In a batch, or without a claim, it is a word like any other, and what stands beside it keeps its limits.
  return !call.isBatch && call.messages[0].method === LISTEN_METHOD && standsAlone(call);
}

/** One member of the params; undefined without it. */
export function paramOf(message: RpcMessage, name: string): unknown {
  const { params } = message.value;
  return isRecord(params) ? params[name] : undefined;
}

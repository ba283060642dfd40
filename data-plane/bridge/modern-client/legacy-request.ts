/** Turns a request of revision 2026-07-28 into one of a session, by bytes: what the caller wrote beside the revision's own words goes up as it came. */
import { readRpcCall } from '../../mcp/read-rpc-call.ts';
import type { RpcCall, RpcMessage } from '../../mcp/rpc-call.ts';
import { applyEdits, cutMembers, type Edit } from '../../transports/json-edits.ts';
import { findMember, findTopLevelValue } from '../../transports/json-members.ts';
import { REQUEST_META_KEYS } from './modern-meta.ts';

/** `id` takes the place of the caller's: callers who share a session know nothing of each other's ids. */
export function toLegacyRequest({ bytes, messages: [message] }: RpcCall, id: number): RpcCall {
  const params = findTopLevelValue(bytes, 'params');
  const meta = params === undefined ? undefined : findMember(bytes, params, '_meta');
  const cuts: Edit[] = meta === undefined ? [] : cutMembers(bytes, meta, (name) => REQUEST_META_KEYS.has(name));
  return readRpcCall(applyEdits(bytes, [{ start: message.idStart, end: message.idEnd, text: String(id) }, ...cuts]));
}

const TRACE_HEADERS: ReadonlySet<string> = new Set(['traceparent', 'tracestate', 'baggage', 'accept-language']);

/** The caller's headers without those that repeat the body, with the revision that was agreed with the server; flat. */
export function legacyHeaders(forwarded: readonly string[], revision: string): string[] {
  const headers = ['mcp-protocol-version', revision];
  for (let at = 0; at < forwarded.length; at += 2) {
    const [name = '', value = ''] = forwarded.slice(at, at + 2);
    if (TRACE_HEADERS.has(name)) headers.push(name, value);
  }
  return headers;
}

/** The id as it stands in the caller's bytes. */
export function idTokenOf({ bytes, messages: [message] }: RpcCall): string {
  return bytes.toString('utf8', message.idStart, message.idEnd);
}

/** What differs between the rounds of one call, and is for the protocol alone. */
const OF_THE_ROUND: ReadonlySet<string> = new Set(['_meta', 'inputResponses', 'requestState']);

/** What a call in several rounds must keep from round to round: all that rules have judged. */
export function judgedPart({ method, value: { params } }: RpcMessage): unknown {
  const members = typeof params === 'object' && params !== null ? Object.entries(params) : [];
  return [method, Object.fromEntries(members.filter(([name]) => !OF_THE_ROUND.has(name)))];
}

/** Turns a request of revision 2026-07-28 into one of a session, by bytes: what the caller wrote beside the revision's own words goes up as it came. */
import { readRpcCall } from '../../mcp/read-rpc-call.ts';
import type { RpcCall, RpcMessage } from '../../mcp/rpc-call.ts';
import { applyEdits, cutMembers, type Edit } from '../../transports/json-edits.ts';
import { findMember, findTopLevelValue } from '../../transports/json-members.ts';
import { REQUEST_META_KEYS } from './modern-meta.ts';

/** `ownId` takes the place of the caller's id and progress token: callers who share a session know nothing of each other's. */
export function toLegacyRequest({ bytes, messages: [message] }: RpcCall, ownId: number): RpcCall {
  const tokens: Edit[] = [{ start: message.idStart, end: message.idEnd, text: String(ownId) }];
  if (message.progressTokenStart >= 0) tokens.push({ start: message.progressTokenStart, end: message.progressTokenEnd, text: String(ownId) });
  return readRpcCall(applyEdits(bytes, [...tokens, ...cutsIn(bytes)]));
}

/** The words of the revision: its metadata, and answers to questions that nobody has asked. */
function cutsIn(bytes: Buffer): Edit[] {
  const params = findTopLevelValue(bytes, 'params');
  if (params === undefined) return [];
  const cuts = cutMembers(bytes, params, (name) => name === 'inputResponses');
  const meta = findMember(bytes, params, '_meta');
  return meta === undefined ? cuts : [...cuts, ...cutMembers(bytes, meta, (name) => REQUEST_META_KEYS.has(name))];
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

/** The progress token as it stands there; undefined for a caller who wants to hear of none. */
export function progressTokenOf({ bytes, messages: [message] }: RpcCall): string | undefined {
  return message.progressTokenStart < 0 ? undefined : bytes.toString('utf8', message.progressTokenStart, message.progressTokenEnd);
}

/** What differs between the rounds of one call, and is for the protocol alone. */
const OF_THE_ROUND: ReadonlySet<string> = new Set(['_meta', 'inputResponses', 'requestState']);

/** What a call in several rounds must keep from round to round: all that rules have judged. */
export function judgedPart({ method, value: { params } }: RpcMessage): unknown {
  const members = typeof params === 'object' && params !== null ? Object.entries(params) : [];
  return [method, Object.fromEntries(members.filter(([name]) => !OF_THE_ROUND.has(name)))];
}

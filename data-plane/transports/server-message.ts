/** Reads one message of a server: which it is, and where the id stands that must be replaced. */
import { isUtf8 } from 'node:buffer';
import { findMember, findTopLevelValue, type ByteRange } from './json-members.ts';

export type ServerMessage =
  /** `isUsable` is false when the bytes must not reach a caller: no result and no error, or not UTF-8. */
  | { readonly kind: 'answer'; readonly id: number; readonly idRange: ByteRange; readonly isUsable: boolean; readonly isResult: boolean }
  | { readonly kind: 'request'; readonly method: string; readonly idRange: ByteRange }
  | { readonly kind: 'notification'; readonly method: string }
  /** A progress notification with a token that may be one of ours. */
  | { readonly kind: 'progress'; readonly token: number; readonly tokenRange: ByteRange }
  /** Whatever else a program writes. */
  | { readonly kind: 'noise' };

const NOISE: ServerMessage = { kind: 'noise' };
const OPEN_BRACE = 0x7b;

export function readServerMessage(line: Buffer): ServerMessage {
  const value = parseObject(line);
  if (value === undefined) return NOISE;
  const idRange = 'id' in value ? findTopLevelValue(line, 'id') : undefined;
  if ('method' in value) return readCall(line, value, idRange);
  if (!('id' in value) || typeof value.id !== 'number' || idRange === undefined) return NOISE;
  const isResult = 'result' in value;
  return { kind: 'answer', id: value.id, idRange, isUsable: (isResult || 'error' in value) && isUtf8(line), isResult };
}

/** Most lines that are no messages are prose: they are recognised by their first byte, without an exception. */
function parseObject(line: Buffer): object | undefined {
  if (line.length < 2 || (line[0] !== OPEN_BRACE && line[0] !== 0x20 && line[0] !== 0x09)) return undefined;
  try {
    const value: unknown = JSON.parse(line.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function readCall(line: Buffer, value: { method?: unknown; params?: unknown }, idRange: ByteRange | undefined): ServerMessage {
  const { method } = value;
  // With an answer in it, it could be taken for one that was judged.
  if (typeof method !== 'string' || 'result' in value || 'error' in value) return NOISE;
  if (idRange !== undefined) return { kind: 'request', method, idRange };
  if (method === 'notifications/progress') return readProgress(line, value.params);
  return { kind: 'notification', method };
}

function readProgress(line: Buffer, params: unknown): ServerMessage {
  const where = findTopLevelValue(line, 'params');
  const tokenRange = where === undefined ? undefined : findMember(line, where, 'progressToken');
  const token = typeof params === 'object' && params !== null && 'progressToken' in params ? params.progressToken : undefined;
  if (typeof token !== 'number' || tokenRange === undefined || !isUtf8(line)) return { kind: 'notification', method: 'notifications/progress' };
  return { kind: 'progress', token, tokenRange };
}

/** The request that listens for a notification, by its id, and where that stands (MCP 2026-07-28, Subscriptions); undefined where none does. */
export function readSubscription(line: Buffer): { readonly id: number; readonly idRange: ByteRange } | undefined {
  const params = findTopLevelValue(line, 'params');
  const meta = params === undefined ? undefined : findMember(line, params, '_meta');
  const idRange = meta === undefined ? undefined : findMember(line, meta, 'io.modelcontextprotocol/subscriptionId');
  return idRange === undefined || !isUtf8(line) ? undefined : { id: Number(line.toString('latin1', idRange.start, idRange.end)), idRange };
}

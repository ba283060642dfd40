/** The parser of record: reads a body once, strictly, and refuses whatever two parsers could read differently. */
import { isUtf8 } from 'node:buffer';
import { isRecord } from '../../shared/is-record.ts';
import { Refusal } from '../../shared/refusal.ts';
import { scanJson } from './json-scan.ts';
import { MessageOffsetFinder, type MessageOffsets } from './message-offsets.ts';
import { looksLikeOwnId } from './own-ids.ts';
import { ambiguousKeyIn, isAmbiguousMethod } from './reserved-keys.ts';
import type { RpcCall, RpcMessage } from './rpc-call.ts';

const LIMITS = { depthMax: 64, tokensMax: 200_000 } as const;
const METHOD_LENGTH_MAX = 256;
const ID_BYTES_MAX = 1024;
const BATCH_MAX = 100;
const INTEGER = /^-?\d+$/;
const OPEN_BRACKET = 0x5b;
const SPACE = 0x20;

type JsonObject = Readonly<Record<string, unknown>>;

/** Throws a refusal `invalid_request`; the bytes of the answer are the bytes that came. */
export function readRpcCall(bytes: Buffer): RpcCall {
  if (!isUtf8(bytes)) throw invalidJson('the body is not UTF-8');
  const text = bytes.toString('utf8');
  // Only ASCII has as many characters as bytes, and is then the same in both encodings.
  const latin1 = text.length === bytes.length ? text : bytes.toString('latin1');
  const isBatch = firstByte(bytes) === OPEN_BRACKET;
  const offsets = new MessageOffsetFinder(bytes, latin1, isBatch);
  const scan = scanJson(bytes, latin1, offsets, LIMITS);
  if (scan.depth > LIMITS.depthMax) throw invalidJson(`the body is nested deeper than ${LIMITS.depthMax} levels`);
  if (scan.tokens > LIMITS.tokensMax) throw invalidJson(`the body holds more than ${LIMITS.tokensMax} tokens`);
  const value = parse(text);
  if (scan.members !== countMembers(value)) throw ambiguous('an object holds the same key twice');
  return { bytes, isBatch, messages: isBatch ? readBatch(value, bytes, offsets.messages) : [readMessage(value, bytes, offsets.messages[0])] };
}

function firstByte(bytes: Buffer): number | undefined {
  let at = 0;
  while ((bytes[at] ?? OPEN_BRACKET) <= SPACE) at++;
  return bytes[at];
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // The error quotes the body, which is nobody's business but the caller's: it does not go along.
    if (error instanceof SyntaxError) throw invalidJson('the body is not JSON');
    throw error;
  }
}

/** Members of all objects in a parsed value, where a key that was written twice counts once. The scan has bounded the depth. */
export function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let members = 0;
  if (Array.isArray(value)) {
    for (const element of value) if (typeof element === 'object') members += countMembers(element);
  } else if (isRecord(value)) {
    for (const key in value) {
      const member = value[key];
      members += typeof member === 'object' ? 1 + countMembers(member) : 1;
    }
  }
  return members;
}

function readBatch(value: unknown, bytes: Buffer, offsets: readonly MessageOffsets[]): RpcCall['messages'] {
  if (!Array.isArray(value) || value.length > BATCH_MAX) throw invalidRpc(`a batch holds at most ${BATCH_MAX} messages`);
  const [first, ...rest] = value.map((message, index) => readMessage(message, bytes, offsets[index]));
  if (first === undefined) throw invalidRpc('the batch is empty');
  // Alone, such an id is given one of ours on its way; in a batch it could later be taken for one.
  if ([first, ...rest].some((message) => looksLikeOwnId(message.value['id']))) throw invalidRpc('in a batch, no id may begin with "turnpike:"');
  return [first, ...rest];
}

function readMessage(value: unknown, bytes: Buffer, offsets: MessageOffsets | undefined): RpcMessage {
  if (!isRecord(value) || offsets === undefined) throw invalidRpc('a message must be an object');
  const lookalike = ambiguousKeyIn(value);
  if (lookalike !== undefined) throw ambiguous(`the key '${lookalike.slice(0, 32).toWellFormed()}' could be taken for another`);
  if (value['jsonrpc'] !== '2.0') throw invalidRpc('jsonrpc must be "2.0"');
  const kind = kindOf(value);
  return {
    kind,
    method: kind === 'response' ? undefined : methodOf(value),
    idToken: kind === 'notification' ? undefined : idTokenOf(value, kind, bytes, offsets),
    idStart: offsets.idStart,
    idEnd: offsets.idEnd,
    tool: kind === 'response' ? undefined : toolOf(value),
    progressTokenStart: offsets.progressTokenStart,
    progressTokenEnd: offsets.progressTokenEnd,
    value,
  };
}

function kindOf(message: JsonObject): RpcMessage['kind'] {
  const [hasId, hasMethod] = ['id' in message, 'method' in message];
  const answers = Number('result' in message) + Number('error' in message);
  if (hasMethod && answers === 0) return hasId ? 'request' : 'notification';
  if (!hasMethod && hasId && answers === 1) return 'response';
  throw invalidRpc('the message is neither a request nor a notification nor a response');
}

function methodOf({ method, params }: JsonObject): string {
  if (typeof method !== 'string' || method === '' || method.length > METHOD_LENGTH_MAX || !method.isWellFormed()) throw invalidRpc('method must be a string');
  if (isAmbiguousMethod(method)) throw ambiguous('the method could be taken for another');
  if (params !== undefined && (typeof params !== 'object' || params === null)) throw invalidRpc('params must be an object or an array');
  return method;
}

/** Strings and integers of any size; null only where a response could not tell whose it is (JSON-RPC 2.0 section 5, MCP base protocol). */
function idTokenOf(message: JsonObject, kind: RpcMessage['kind'], bytes: Buffer, { idStart, idEnd }: MessageOffsets): string {
  const { id } = message;
  if (idStart === -1 || idEnd - idStart > ID_BYTES_MAX) throw invalidRpc('id must be a short string or an integer');
  const token = bytes.toString('utf8', idStart, idEnd);
  const isFit = typeof id === 'string' || (typeof id === 'number' && INTEGER.test(token)) || (id === null && kind === 'response' && 'error' in message);
  if (!isFit) throw invalidRpc('id must be a string or an integer');
  return token;
}

function toolOf({ method, params }: JsonObject): string | undefined {
  if (method !== 'tools/call') return undefined;
  const name = isRecord(params) ? params['name'] : undefined;
  if (typeof name !== 'string' || !name.isWellFormed()) throw invalidRpc('tools/call needs the name of a tool');
  return name;
}

function invalidJson(detail: string): Refusal {
  return new Refusal('invalid_request', 'invalid_json', detail);
}

function ambiguous(detail: string): Refusal {
  return new Refusal('invalid_request', 'ambiguous_json', detail);
}

function invalidRpc(detail: string): Refusal {
  return new Refusal('invalid_request', 'invalid_jsonrpc', detail);
}

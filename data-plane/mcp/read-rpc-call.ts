/** The parser of record: reads a body once, strictly, and refuses whatever two parsers could read differently. */
import { isUtf8 } from 'node:buffer';
import { Refusal } from '../../shared/refusal.ts';
import { scanJson, type MessageOffsets } from './json-scan.ts';
import { ambiguousKeyIn } from './reserved-keys.ts';
import type { RpcCall, RpcMessage } from './rpc-call.ts';

const DEPTH_MAX = 64;
const VALUES_MAX = 200_000;
const METHOD_LENGTH_MAX = 256;
const ID_BYTES_MAX = 1024;
const BATCH_MAX = 100;
const INTEGER = /^-?(?:0|[1-9]\d*)$/;
const OPEN_BRACKET = 0x5b;

/** Throws a refusal `invalid_request`; the bytes of the answer are the bytes that came. */
export function readRpcCall(bytes: Buffer): RpcCall {
  if (!isUtf8(bytes)) throw invalidJson('the body is not UTF-8');
  const isBatch = firstByte(bytes) === OPEN_BRACKET;
  const scan = scanJson(bytes, isBatch, { depthMax: DEPTH_MAX, valuesMax: VALUES_MAX });
  if (scan.depth > DEPTH_MAX) throw invalidJson(`the body is nested deeper than ${DEPTH_MAX} levels`);
  if (scan.values > VALUES_MAX) throw invalidJson(`the body holds more than ${VALUES_MAX} values`);
  const value = parse(bytes);
  if (scan.hasEscapedKey) throw ambiguous('a key of the message is written with escapes');
  if (scan.members !== countMembers(value)) throw ambiguous('an object holds the same key twice');
  const messages = (Array.isArray(value) ? value : [value]).map((message, index) => readMessage(message, bytes, scan.messages[index]));
  const [first, ...rest] = messages;
  if (first === undefined) throw invalidRpc('the batch is empty');
  if (rest.length >= BATCH_MAX) throw invalidRpc(`the batch holds more than ${BATCH_MAX} messages`);
  return { bytes, isBatch, messages: [first, ...rest] };
}

function firstByte(bytes: Buffer): number | undefined {
  return bytes.find((byte) => byte > 0x20);
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new Refusal('invalid_request', 'invalid_json', 'the body is not JSON', {}, { cause });
  }
}

/** Members of all objects in a parsed value, where a key that was written twice counts once. Depth is bounded by the scan. */
function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let members = 0;
  if (Array.isArray(value)) {
    for (const element of value) if (typeof element === 'object') members += countMembers(element);
    return members;
  }
  for (const member of Object.values(value)) members += typeof member === 'object' ? 1 + countMembers(member) : 1;
  return members;
}

function readMessage(value: unknown, bytes: Buffer, offsets: MessageOffsets | undefined): RpcMessage {
  if (!isRecord(value) || offsets === undefined) throw invalidRpc('a message must be an object');
  const lookalike = ambiguousKeyIn(value);
  if (lookalike !== undefined) throw ambiguous(`the key '${lookalike.slice(0, 32)}' could be taken for a reserved one`);
  if (value['jsonrpc'] !== '2.0') throw invalidRpc('jsonrpc must be "2.0"');
  const kind = kindOf(value);
  return {
    kind,
    method: kind === 'response' ? undefined : methodOf(value),
    idToken: kind === 'notification' ? undefined : idTokenOf(value, kind, bytes, offsets),
    ...offsets,
    tool: toolOf(value),
    value,
  };
}

function kindOf(value: Readonly<Record<string, unknown>>): RpcMessage['kind'] {
  const [hasId, hasMethod] = ['id' in value, 'method' in value];
  const answers = Number('result' in value) + Number('error' in value);
  if (hasMethod && answers === 0) return hasId ? 'request' : 'notification';
  if (!hasMethod && hasId && answers === 1) return 'response';
  throw invalidRpc('the message is neither a request nor a notification nor a response');
}

function methodOf(value: Readonly<Record<string, unknown>>): string {
  const { method, params } = value;
  if (typeof method !== 'string' || method === '' || method.length > METHOD_LENGTH_MAX || !method.isWellFormed()) throw invalidRpc('method must be a string');
  if (params !== undefined && (typeof params !== 'object' || params === null)) throw invalidRpc('params must be an object or an array');
  return method;
}

/** Strings and integers; null only where a response could not tell whose it is (JSON-RPC 2.0 section 5, MCP base protocol). */
function idTokenOf(value: Readonly<Record<string, unknown>>, kind: RpcMessage['kind'], bytes: Buffer, offsets: MessageOffsets): string {
  const { id } = value;
  if (offsets.idStart === -1 || offsets.idEnd - offsets.idStart > ID_BYTES_MAX) throw invalidRpc('id must be a short string or an integer');
  const token = bytes.toString('utf8', offsets.idStart, offsets.idEnd);
  const isFit = typeof id === 'string' || (typeof id === 'number' && INTEGER.test(token)) || (id === null && kind === 'response' && 'error' in value);
  if (!isFit) throw invalidRpc('id must be a string or an integer');
  return token;
}

function toolOf(value: Readonly<Record<string, unknown>>): string | undefined {
  if (value['method'] !== 'tools/call') return undefined;
  const { params } = value;
  const name = isRecord(params) ? params['name'] : undefined;
  if (typeof name !== 'string' || !name.isWellFormed()) throw invalidRpc('tools/call needs the name of a tool');
  return name;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
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

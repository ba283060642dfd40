/** Reads the envelope of a JSON-RPC message from its bytes, and says whether it answers one particular request. */
import { isUtf8 } from 'node:buffer';
import { endOfString, isKey, skipSpace } from './json-members.ts';
import { isSameId } from './rpc-tokens.ts';
import { skipStrictKey, skipStrictValue } from './strict-json.ts';

export interface Envelope {
  /** Where the id's token stands; -1 without one. */
  idStart: number;
  idEnd: number;
  hasResult: boolean;
  hasError: boolean;
  hasMethod: boolean;
}

const SPACE = 0x20;
const COMMA = 0x2c;
const SMALL_N = 0x6e;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** What a body is instead of the answer to the request with this id, in a few words; undefined when it is that answer. */
export function faultOfAnswer(body: Buffer, idToken: string): string | undefined {
  const envelope = readEnvelope(body);
  if (envelope === undefined) return 'what is not one message in JSON';
  if (!isAnswer(envelope)) return 'neither a result nor an error';
  return isFor(envelope, body, idToken) ? undefined : 'the id of another request';
}

/** Whether a body, which may be anything, answers another request than the one with this id. */
export function answersAnother(body: Buffer, idToken: string): boolean {
  const envelope = readEnvelope(body);
  return envelope !== undefined && isAnswer(envelope) && !isFor(envelope, body, idToken);
}

/** A result or an error, and not both: a reader would choose one of them. */
export function isAnswer({ hasResult, hasError, hasMethod }: Envelope): boolean {
  return hasResult !== hasError && !hasMethod;
}

/** Undefined for what is not one JSON object in UTF-8, or has a key of the envelope twice. */
export function readEnvelope(bytes: Buffer): Envelope | undefined {
  const envelope: Envelope = { idStart: -1, idEnd: -1, hasResult: false, hasError: false, hasMethod: false };
  let at = skipSpace(bytes, 0);
  if (bytes[at] !== OPEN_BRACE || !isUtf8(bytes)) return undefined;
  do {
    const key = skipSpace(bytes, at + 1);
    const value = skipStrictKey(bytes, key);
    at = value === -1 ? -1 : skipStrictValue(bytes, value);
    if (at === -1 || !isNoted(envelope, bytes, { key, value, end: at })) return undefined;
  } while (bytes[at] === COMMA);
  const isWhole = bytes[at] === CLOSE_BRACE && skipSpace(bytes, at + 1) >= bytes.length;
  return isWhole ? envelope : undefined;
}

interface Member {
  readonly key: number;
  readonly value: number;
  /** Where the next token stands. */
  readonly end: number;
}

/** False for a key that was there before. */
function isNoted(envelope: Envelope, bytes: Buffer, { key, value, end }: Member): boolean {
  const keyStart = key + 1;
  const keyEnd = endOfString(bytes, key) - 1;
  if (isKey(bytes, keyStart, keyEnd, 'id')) {
    if (envelope.idStart !== -1) return false;
    envelope.idStart = value;
    envelope.idEnd = withoutSpace(bytes, end);
  } else if (isKey(bytes, keyStart, keyEnd, 'result')) {
    if (envelope.hasResult) return false;
    envelope.hasResult = true;
  } else if (isKey(bytes, keyStart, keyEnd, 'error')) {
    if (envelope.hasError) return false;
    envelope.hasError = true;
  } else if (isKey(bytes, keyStart, keyEnd, 'method')) {
    envelope.hasMethod = true;
  }
  return true;
}

function withoutSpace(bytes: Buffer, end: number): number {
  let at = end;
  while ((bytes[at - 1] ?? 0) <= SPACE) at--;
  return at;
}

/** A server that could not read a request cannot repeat its id (JSON-RPC 2.0, section 5; since MCP 2025-11-25 it may leave it out). */
function isFor({ idStart, idEnd, hasError }: Envelope, bytes: Buffer, idToken: string): boolean {
  if (idStart === -1 || bytes[idStart] === SMALL_N) return hasError;
  return isSameId(bytes.subarray(idStart, idEnd), idToken);
}

/** Turns the answers of a server with sessions into those of revision 2026-07-28, by bytes: what it did not have to say is put in, all else stays. */
import { applyEdits, setMembers, type Edit } from '../../transports/json-edits.ts';
import { findMember, findTopLevelValue, type ByteRange } from '../../transports/json-members.ts';
import { SERVER_INFO_KEY } from './modern-meta.ts';

/** A message for a caller, and the HTTP status that goes with it where it is the whole answer. */
export interface ModernAnswer {
  readonly status: number;
  readonly message: Buffer;
}

export const RPC_CODES = { methodNotFound: -32_601, invalidParams: -32_602, internal: -32_603 } as const;

/** Results that a client may keep for a while, and so must say for how long and for whom (MCP 2026-07-28, Caching). */
const CACHEABLE: ReadonlySet<string> = new Set([
  'server/discover',
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'resources/read',
]);
/** A server with sessions says by notifications what has changed, and promises nothing for any time; and it answers each session for itself. */
const UNCACHED = { ttlMs: '0', cacheScope: '"private"' } as const;
const OPEN_BRACE = 0x7b;
/** How revision 2025-11-25 says that there is no such resource, and how this one does. */
const [FORMER_NOT_FOUND, NOT_FOUND] = ['-32002', String(RPC_CODES.invalidParams)];

/** Errors that the revision tells by the status too: of a method, a header, a capability, a revision. */
const STATUSES: ReadonlyMap<string, number> = new Map([
  [String(RPC_CODES.methodNotFound), 404],
  ['-32020', 400],
  ['-32021', 400],
  ['-32022', 400],
]);

export interface AnswerTerms {
  /** As the caller wrote it. */
  readonly idToken: string;
  readonly method: string;
  /** JSON. */
  readonly serverInfo: string;
}

/** `idRange` is where the id stands in the bytes, which must be JSON. Undefined for what is neither a result nor an error. */
export function toModernAnswer(bytes: Buffer, idRange: ByteRange, terms: AnswerTerms): ModernAnswer | undefined {
  const id: Edit = { ...idRange, text: terms.idToken };
  const result = findTopLevelValue(bytes, 'result');
  if (result !== undefined) {
    if (bytes[result.start] !== OPEN_BRACE) return undefined;
    return { status: 200, message: applyEdits(bytes, [id, ...editsOfResult(bytes, result, terms)]) };
  }
  const error = findTopLevelValue(bytes, 'error');
  const code = error === undefined ? undefined : findMember(bytes, error, 'code');
  if (code === undefined) return undefined;
  const text = bytes.toString('latin1', code.start, code.end);
  return { status: STATUSES.get(text) ?? 200, message: applyEdits(bytes, text === FORMER_NOT_FOUND ? [id, { ...code, text: NOT_FOUND }] : [id]) };
}

function editsOfResult(bytes: Buffer, result: ByteRange, { method, serverInfo }: AnswerTerms): Edit[] {
  const own = { resultType: '"complete"', ...(CACHEABLE.has(method) ? UNCACHED : {}) };
  const meta = findMember(bytes, result, '_meta');
  if (meta === undefined || bytes[meta.start] !== OPEN_BRACE) return setMembers(bytes, result, { ...own, _meta: metaOf(serverInfo) });
  return [...setMembers(bytes, result, own), ...setMembers(bytes, meta, { [SERVER_INFO_KEY]: serverInfo })];
}

/** A result of the bridge's own. */
export function resultMessage({ idToken, method, serverInfo }: AnswerTerms, members: string): Buffer {
  const caching = CACHEABLE.has(method) ? `"ttlMs":${UNCACHED.ttlMs},"cacheScope":${UNCACHED.cacheScope},` : '';
  return Buffer.from(`{"jsonrpc":"2.0","id":${idToken},"result":{${members},${caching}"_meta":${metaOf(serverInfo)}}}`);
}

/** An error of the bridge's own. */
export function errorMessage(idToken: string, code: number, message: string): Buffer {
  return Buffer.from(`{"jsonrpc":"2.0","id":${idToken},"error":${JSON.stringify({ code, message })}}`);
}

function metaOf(serverInfo: string): string {
  return `{${JSON.stringify(SERVER_INFO_KEY)}:${serverInfo}}`;
}

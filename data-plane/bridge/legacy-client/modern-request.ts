/** Writes a request of a revision with sessions as 2026-07-28 has it: what the handshake agreed on goes along in metadata and headers. */
import { Refusal } from '../../../shared/refusal.ts';
import { CLIENT_KEY } from '../../mcp/client-info.ts';
import { NAMED_BY } from '../../mcp/header-agreement.ts';
import { headerValueOf } from '../../mcp/header-value.ts';
import { readIntroduction } from '../../mcp/introduction.ts';
import { MODERN_REVISION } from '../../mcp/protocol-revisions.ts';
import { readRpcCall } from '../../mcp/read-rpc-call.ts';
import { CLAIM_KEY, paramOf } from '../../mcp/revision-claims.ts';
import type { RpcMessage } from '../../mcp/rpc-call.ts';
import { findTopLevelValue } from '../../transports/json-members.ts';
import type { UpstreamRequest } from '../../transports/transport.ts';
import { OWN_CLIENT } from '../discoveries.ts';
import { withMember } from './with-member.ts';

/** What the client has said of itself and wished for its session, which each request repeats. */
export interface ClientWords {
  readonly clientInfo: { readonly name: string; readonly version: string };
  readonly capabilities: Readonly<Record<string, unknown>>;
  readonly logLevel: string | undefined;
}

const CAPABILITIES_KEY = 'io.modelcontextprotocol/clientCapabilities';
const LOG_LEVEL_KEY = 'io.modelcontextprotocol/logLevel';
/** They speak of a session, or name the revision that the caller speaks. */
const HEADERS_LEFT_OUT: ReadonlySet<string> = new Set(['mcp-protocol-version', 'last-event-id']);
const OPEN_BRACE = 0x7b;

/** A caller without a session has not introduced itself, and can do nothing that a server could ask for. */
export function wordsOf({ introduction }: UpstreamRequest, logLevel: string | undefined): ClientWords {
  if (introduction === undefined) return { clientInfo: OWN_CLIENT, capabilities: {}, logLevel };
  const { clientInfo, capabilities } = readIntroduction(introduction);
  // Tasks of revision 2025-11-25 are not those of the extension that came after.
  const { tasks: _tasks, ...kept } = capabilities;
  return { clientInfo, capabilities: kept, logLevel };
}

export function metadataOf({ clientInfo, capabilities, logLevel }: ClientWords): Readonly<Record<string, unknown>> {
  const level = logLevel === undefined ? {} : { [LOG_LEVEL_KEY]: logLevel };
  return { [CLAIM_KEY]: MODERN_REVISION, [CLIENT_KEY]: clientInfo, [CAPABILITIES_KEY]: capabilities, ...level };
}

/** The request that goes up in the place of the caller's, for one message of it. Throws a refusal where there is no place for metadata. */
export function toModern(request: UpstreamRequest, message: Buffer, words: ClientWords): UpstreamRequest {
  const call = readRpcCall(withMetadata(message, metadataOf(words)));
  const forwardedHeaders = [...standardHeaders(call.messages[0]), ...keptHeaders(request.forwardedHeaders)];
  return { ...request, httpMethod: 'POST', call, upstreamSessionId: undefined, introduction: undefined, forwardedHeaders };
}

/** The headers that repeat what the body says. */
function standardHeaders(message: RpcMessage): string[] {
  const headers = ['mcp-protocol-version', MODERN_REVISION, 'mcp-method', headerValueOf(message.method ?? '')];
  const member = NAMED_BY.get(message.method);
  const name = member === undefined ? undefined : paramOf(message, member);
  if (typeof name === 'string') headers.push('mcp-name', headerValueOf(name));
  return headers;
}

function keptHeaders(flat: readonly string[]): string[] {
  return flat.filter((_, at) => !HEADERS_LEFT_OUT.has(flat[at - (at % 2)] ?? ''));
}

/** What the caller has under these keys itself is not what it has introduced itself with, and gives way. */
function withMetadata(message: Buffer, metadata: Readonly<Record<string, unknown>>): Buffer {
  const params = memberOf(message, 'params') ?? Buffer.from('{}');
  if (params[0] !== OPEN_BRACE) throw new Refusal('invalid_request', 'invalid_jsonrpc', 'params must be an object');
  const given = memberOf(params, '_meta');
  let meta = given?.[0] === OPEN_BRACE ? given : Buffer.from('{}');
  for (const [key, value] of Object.entries(metadata)) meta = withMember(meta, key, JSON.stringify(value));
  return withMember(message, 'params', withMember(params, '_meta', meta));
}

/** The bytes of a member's value. */
function memberOf(object: Buffer, name: string): Buffer | undefined {
  const range = findTopLevelValue(object, name);
  return range === undefined ? undefined : object.subarray(range.start, range.end);
}

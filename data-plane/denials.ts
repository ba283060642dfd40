/** Writes a refusal for its reader: a program that knows JSON-RPC, an SDK that hides what is not 200, or a model that reads text. */
import type { DenialStyle } from '../shared/mcp-server.ts';
import type { Refusal } from '../shared/refusal.ts';
import { jsonRpcCodeOf, pageOfReason, REFUSALS } from '../shared/refusals.ts';
import type { Exchange } from './exchange.ts';
import { readRpcCall } from './mcp/read-rpc-call.ts';
import type { RpcCall } from './mcp/rpc-call.ts';
import type { Trail } from './trail.ts';

export interface Denial {
  readonly status: number;
  /** Flat, without content type and length. */
  readonly headers: readonly string[];
  readonly body: string;
}

const STYLE_HEADER = 'turnpike-denial-style';
/** A body that nobody has read yet is looked at for its id only up to this size. */
const ID_LOOKUP_BYTES_MAX = 65_536;

export async function denialOf(refusal: Refusal, exchange: Exchange, trail: Trail): Promise<Denial> {
  const call = trail.rpc?.call ?? (await lookUpCall(exchange));
  const style = styleOf(refusal, exchange, trail);
  const isToolResult = style === 'TOOL_RESULT' && call !== undefined && !call.isBatch && trail.method === 'tools/call';
  return {
    status: style === 'HTTP_STATUS' ? refusal.status : 200,
    headers: headersOf(refusal, exchange),
    body: isToolResult ? toolResult(refusal, exchange, trail) : messagesOf(refusal, exchange, trail, call),
  };
}

/** The JSON-RPC error for the one request that is under way, as a stream's last event carries it. */
export function denialBody(refusal: Refusal, exchange: Exchange, trail: Trail): string {
  return errorMessage(refusal, exchange, trail, trail.rpc?.message?.idToken);
}

function headersOf(refusal: Refusal, exchange: Exchange): string[] {
  const { code, reason, status, facts } = refusal;
  const headers = ['Turnpike-Request-Id', exchange.requestId, 'Turnpike-Denial', `${code}; reason=${reason}; status=${status}`];
  if (facts.retryAfterSeconds !== undefined) headers.push('Retry-After', String(facts.retryAfterSeconds));
  if (status === 401) headers.push('WWW-Authenticate', 'Bearer realm="turnpike"');
  if (status === 405) headers.push('Allow', 'POST, GET, DELETE');
  return headers;
}

/** Refusals of the connection keep their status in every style (`experience.md`, Denial style). */
function styleOf(refusal: Refusal, exchange: Exchange, trail: Trail): Exclude<DenialStyle, 'AUTO'> {
  if (REFUSALS[refusal.code].scope === 'connection') return 'HTTP_STATUS';
  const style = wishOf(exchange) ?? configuredStyle(trail);
  if (style !== 'AUTO') return style;
  return exchange.acceptsEventStream ? 'JSONRPC_ERROR' : 'HTTP_STATUS';
}

function wishOf(exchange: Exchange): DenialStyle | undefined {
  const wish = exchange.header(STYLE_HEADER)?.toUpperCase();
  return wish === 'AUTO' || wish === 'HTTP_STATUS' || wish === 'JSONRPC_ERROR' || wish === 'TOOL_RESULT' ? wish : undefined;
}

function configuredStyle(trail: Trail): DenialStyle {
  const ofServer = trail.server?.config.denialStyle ?? 'AUTO';
  return trail.key?.denialStyle ?? ofServer;
}

/** A batch is denied as a whole, each of its requests by name. */
function messagesOf(refusal: Refusal, exchange: Exchange, trail: Trail, call: RpcCall | undefined): string {
  if (call === undefined) return errorMessage(refusal, exchange, trail, undefined);
  if (!call.isBatch) return errorMessage(refusal, exchange, trail, call.messages[0].idToken);
  const requests = call.messages.filter(({ kind }) => kind === 'request');
  return `[${requests.map(({ idToken }) => errorMessage(refusal, exchange, trail, idToken)).join(',')}]`;
}

function errorMessage(refusal: Refusal, exchange: Exchange, trail: Trail, idToken: string | undefined): string {
  const error = JSON.stringify({ code: jsonRpcCodeOf(refusal.status, refusal.reason), message: refusal.message, data: dataOf(refusal, exchange, trail) });
  return `{"jsonrpc":"2.0","id":${idToken ?? 'null'},"error":${error}}`;
}

function dataOf(refusal: Refusal, exchange: Exchange, trail: Trail): Record<string, unknown> {
  const { retryAfterSeconds, rule, ...facts } = refusal.facts;
  return {
    code: refusal.code,
    reason: refusal.reason,
    apiKey: trail.key?.prefix ?? trail.keyPrefix,
    mcpServer: trail.server?.config.slug,
    method: trail.method,
    tool: trail.tool,
    status: refusal.status,
    requestId: exchange.requestId,
    ...facts,
    retry_after: retryAfterSeconds,
    rule: rule?.path,
    docs: pageOfReason(refusal.reason),
  };
}

/** What a model reads: that it was refused, by whom, and that trying again does not help (`experience.md` section 2.9). */
function toolResult(refusal: Refusal, exchange: Exchange, trail: Trail): string {
  const wait = refusal.facts.retryAfterSeconds;
  const advice = wait === undefined ? 'Do not retry; ask your administrator or use another tool.' : `Retry after ${wait} s.`;
  const text = `Denied by Turnpike: ${refusal.message} (${refusal.code}/${refusal.reason}, request ${exchange.requestId}). ${advice}`;
  const kind = trail.rpc?.era === 'modern' ? { resultType: 'complete' } : {};
  const result = JSON.stringify({ ...kind, isError: true, content: [{ type: 'text', text }], _meta: { 'turnpike/denial': dataOf(refusal, exchange, trail) } });
  return `{"jsonrpc":"2.0","id":${trail.rpc?.message?.idToken ?? 'null'},"result":${result}}`;
}

/** A request that was refused before its body was read still deserves its id on the answer; a body that cannot be read has none. */
async function lookUpCall(exchange: Exchange): Promise<RpcCall | undefined> {
  if (exchange.method !== 'POST' || exchange.isBodyTaken) return undefined;
  if (Number(exchange.headers['content-length'] ?? ID_LOOKUP_BYTES_MAX + 1) > ID_LOOKUP_BYTES_MAX) return undefined;
  try {
    return readRpcCall(await exchange.readBody(ID_LOOKUP_BYTES_MAX));
  } catch {
    // The refusal that is being written stands; what is wrong with the body as well changes nothing.
    return undefined;
  }
}

/** Decides which era a body belongs to, and holds its headers against it: rules judge the body, and others may have judged the headers. */
import { Refusal } from '../../shared/refusal.ts';
import type { Exchange } from '../exchange.ts';
import { MODERN_REVISION, requireLegacyRevision, unsupportedRevision, type Era } from './protocol-revisions.ts';
import { CLAIM_KEY, claimOf, paramOf } from './revision-claims.ts';
import type { RpcCall, RpcMessage } from './rpc-call.ts';

type Headers = Pick<Exchange, 'header'>;

/** Which member of the params `Mcp-Name` repeats, where a method needs the header (MCP 2026-07-28, Transports, standard headers). */
export const NAMED_BY: ReadonlyMap<string | undefined, 'name' | 'uri'> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
]);
const ENCODED = /^=\?base64\?(.*)\?=$/i;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Throws `invalid_request` where the body claims what its headers do not, or is of no revision that is carried. */
export function eraOf(call: RpcCall, headers: Headers): Era {
  const revision = headers.header('mcp-protocol-version');
  const [message] = call.messages;
  if (call.isBatch) return eraOfBatch(call, revision);
  const claim = claimOf(message);
  if (claim === undefined) return eraWithoutClaim(message, revision);
  if (revision === undefined) throw mismatch('MCP-Protocol-Version is missing');
  if (typeof claim !== 'string') throw missingMetadata();
  if (revision !== claim) throw mismatch('MCP-Protocol-Version is not what the body says');
  if (claim !== MODERN_REVISION) throw unsupportedRevision(claim, [MODERN_REVISION]);
  if (message.kind === 'request') requireNames(message, headers);
  return 'modern';
}

/** Batches came with 2025-03-26 and went with 2025-06-18; one that also claims a revision has two readings. */
function eraOfBatch(call: RpcCall, revision: string | undefined): Era {
  if (revision === MODERN_REVISION || call.messages.some((message) => claimOf(message) !== undefined)) {
    throw new Refusal('invalid_request', 'invalid_jsonrpc', `revision ${MODERN_REVISION} has no batches`);
  }
  requireLegacyRevision(revision);
  return 'legacy';
}

/** Only requests carry metadata; of notifications and responses the header alone tells the era. */
function eraWithoutClaim(message: RpcMessage, revision: string | undefined): Era {
  if (revision !== MODERN_REVISION) {
    requireLegacyRevision(revision);
    return 'legacy';
  }
  if (message.kind === 'request') throw missingMetadata();
  return 'modern';
}

function requireNames(message: RpcMessage, headers: Headers): void {
  requireEqual('Mcp-Method', headers.header('mcp-method'), message.method);
  const member = NAMED_BY.get(message.method);
  if (member !== undefined) requireEqual('Mcp-Name', decodedHeader(headers.header('mcp-name')), paramOf(message, member));
}

function requireEqual(name: string, value: string | undefined, expected: unknown): void {
  if (value === undefined) throw mismatch(`${name} is missing or cannot be decoded`);
  if (value !== expected) throw mismatch(`${name} is not what the body says`);
}

/** Values that no header could hold travel in Base64 (MCP 2026-07-28, Transports, encoding); undefined for one that is none. */
export function decodedHeader(value: string | undefined): string | undefined {
  const encoded = value === undefined ? undefined : ENCODED.exec(value)?.[1];
  if (encoded === undefined) return value;
  return BASE64.test(encoded) ? Buffer.from(encoded, 'base64').toString('utf8') : undefined;
}

function mismatch(detail: string): Refusal {
  return new Refusal('invalid_request', 'header_mismatch', detail);
}

function missingMetadata(): Refusal {
  return new Refusal('invalid_request', 'missing_metadata', `a request of revision ${MODERN_REVISION} needs ${CLAIM_KEY} in params._meta`);
}

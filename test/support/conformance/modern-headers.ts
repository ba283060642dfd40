/** Holds the headers of a request against its body, as every server of revision 2026-07-28 must. */
import type { IncomingMessage } from 'node:http';
import { LEGACY_REVISIONS, META, MODERN_REVISION } from './capabilities.ts';
import { headerOf } from './http-answers.ts';
import { CODES, ProtocolError, recordIn, textIn, type JsonObject, type Message } from './messages.ts';
import { TOOLS } from './methods.ts';

const ENCODED = /^=\?base64\?(.*)\?=$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const PRINTABLE = /^[\x20-\x7e\t]*$/;
/** Which member of the params `Mcp-Name` repeats. */
const NAMED_BY: Readonly<Record<string, string>> = { 'tools/call': 'name', 'prompts/get': 'name', 'resources/read': 'uri' };

/** The claim in the body counts; without one, a header that no revision with sessions has. */
export function isModern(request: IncomingMessage, message: Message): boolean {
  const header = headerOf(request, 'mcp-protocol-version');
  if (recordIn(message.params, '_meta')?.[META.revision] !== undefined) return true;
  // Some clients repeat the method of their handshake in a header too.
  if (header === undefined) return headerOf(request, 'mcp-method') !== undefined && message.method !== 'initialize';
  const isHandshakeOrSession = message.method === 'initialize' || headerOf(request, 'mcp-session-id') !== undefined;
  return header === MODERN_REVISION || (!LEGACY_REVISIONS.includes(header) && !isHandshakeOrSession);
}

/** Answers the metadata of the request; throws what the client must be told. */
export function requireAgreement(request: IncomingMessage, message: Message): JsonObject {
  const meta = recordIn(message.params, '_meta') ?? {};
  const [claimed, header] = [meta[META.revision], headerOf(request, 'mcp-protocol-version')];
  if (header === undefined) throw mismatch('MCP-Protocol-Version is missing');
  if (typeof claimed !== 'string') throw invalid(`_meta lacks ${META.revision}`);
  if (header !== claimed) throw mismatch('MCP-Protocol-Version is not what the body says');
  if (claimed !== MODERN_REVISION) {
    const data = { supported: [MODERN_REVISION], requested: claimed };
    throw new ProtocolError(CODES.unsupportedRevision, 'the revision is not supported', { status: 400, data });
  }
  requireEqual('Mcp-Method', headerOf(request, 'mcp-method')?.trim(), message.method);
  const member = NAMED_BY[message.method ?? ''];
  if (member !== undefined) requireEqual('Mcp-Name', decoded(headerOf(request, 'mcp-name')?.trim()), textIn(message.params, member));
  if (message.method === 'tools/call') requireParameters(request, message.params ?? {});
  if (recordIn(meta, META.clientCapabilities) === undefined) throw invalid(`_meta lacks ${META.clientCapabilities}`);
  return meta;
}

/** Arguments that the tool's schema wants to see in headers. */
function requireParameters(request: IncomingMessage, params: JsonObject): void {
  const properties = recordIn(TOOLS[textIn(params, 'name') ?? '']?.inputSchema, 'properties');
  for (const name of Object.keys(properties ?? {})) {
    const header = textIn(recordIn(properties, name), 'x-mcp-header');
    if (header !== undefined) requireParameter(request, `Mcp-Param-${header}`, recordIn(params, 'arguments')?.[name]);
  }
}

function requireParameter(request: IncomingMessage, header: string, argument: unknown): void {
  const raw = headerOf(request, header.toLowerCase());
  const isAbsent = argument === undefined || argument === null;
  if (isAbsent && raw === undefined) return;
  if (isAbsent || raw === undefined || !PRINTABLE.test(raw)) throw mismatch(`${header} and its argument do not agree`);
  const value = decoded(raw);
  const isSame = typeof argument === 'string' ? value === argument : Number(value) === argument;
  if (!isSame) throw mismatch(`${header} is not what the body says`);
}

function requireEqual(header: string, value: string | undefined, expected: string | undefined): void {
  if (value === undefined) throw mismatch(`${header} is missing or not readable`);
  if (value !== expected) throw mismatch(`${header} is not what the body says`);
}

/** Undefined for what is absent or claims to be Base64 and is not. */
function decoded(value: string | undefined): string | undefined {
  const encoded = value === undefined ? undefined : ENCODED.exec(value)?.[1];
  if (encoded === undefined) return value;
  return BASE64.test(encoded) ? Buffer.from(encoded, 'base64').toString('utf8') : undefined;
}

function mismatch(detail: string): ProtocolError {
  return new ProtocolError(CODES.headerMismatch, detail, { status: 400 });
}

function invalid(detail: string): ProtocolError {
  return new ProtocolError(CODES.invalidParams, detail, { status: 400 });
}

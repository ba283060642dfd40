/** JSON-RPC as the fixture server reads and writes it, and the error that any of its parts may answer with. */
import { z } from 'zod';

export type JsonObject = Readonly<Record<string, unknown>>;

export const jsonObjectSchema = z.record(z.string(), z.unknown());

export const messageSchema = z.object({
  jsonrpc: z.literal('2.0'),
  id: z.union([z.string(), z.number(), z.null()]).optional(),
  method: z.string().optional(),
  params: jsonObjectSchema.optional(),
  result: jsonObjectSchema.optional(),
  error: z.object({ code: z.number(), message: z.string() }).optional(),
});

export type Message = z.infer<typeof messageSchema>;

/** The codes that the revisions name (MCP 2025-11-25 and 2026-07-28, and JSON-RPC 2.0 section 5.1). */
export const CODES = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  resourceNotFound: -32002,
  unknownSession: -32001,
  refused: -32000,
  headerMismatch: -32020,
  missingCapability: -32021,
  unsupportedRevision: -32022,
} as const;

/** `status` is the HTTP status of an answer that is not a stream yet. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly code: number;
  readonly status: number;
  readonly data: JsonObject | undefined;

  constructor(code: number, message: string, { status = 200, data }: { status?: number; data?: JsonObject } = {}) {
    super(message);
    this.code = code;
    this.status = status;
    this.data = data;
  }
}

export function resultMessage(id: Message['id'], result: JsonObject): JsonObject {
  return { jsonrpc: '2.0', id, result };
}

export function errorMessage(id: Message['id'], { code, message, data }: ProtocolError): JsonObject {
  return { jsonrpc: '2.0', id: id ?? null, error: { code, message, ...(data === undefined ? {} : { data }) } };
}

/** What was thrown, as an error of the protocol: a bug of the fixture's must be seen by the suite as well. */
export function asProtocolError(error: unknown): ProtocolError {
  return error instanceof ProtocolError ? error : new ProtocolError(CODES.internal, String(error));
}

export function recordIn(object: JsonObject | undefined, name: string): JsonObject | undefined {
  const reading = jsonObjectSchema.safeParse(object?.[name]);
  return reading.success ? reading.data : undefined;
}

export function textIn(object: JsonObject | undefined, name: string): string | undefined {
  const value = object?.[name];
  return typeof value === 'string' ? value : undefined;
}

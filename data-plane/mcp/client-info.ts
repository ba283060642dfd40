/** Reads who a client says it is, from its `initialize` or from each request; for records and display, and for nothing that would open more than the key does. */
import { z } from 'zod';
import type { RpcRequest } from '../evidence.ts';

/** Both travel in session ids, whose length is limited. */
export const CLIENT_INFO_LENGTH_MAX = 64;
const clientInfoSchema = z.object({ name: z.string(), version: z.string() });
const initializeSchema = z.object({ params: z.object({ clientInfo: clientInfoSchema }) });
/** Where a request since 2026-07-28 says it. */
export const CLIENT_KEY = 'io.modelcontextprotocol/clientInfo';
const modernSchema = z.object({ params: z.object({ _meta: z.object({ [CLIENT_KEY]: clientInfoSchema }) }) });

export interface ClientInfo {
  readonly name: string | null;
  readonly version: string | null;
}

const UNKNOWN: ClientInfo = { name: null, version: null };

export function readClientInfo(message: unknown): ClientInfo {
  const reading = initializeSchema.safeParse(message);
  return reading.success ? shortened(reading.data.params.clientInfo) : UNKNOWN;
}

/** Of a request since 2026-07-28, which may leave it out. */
function readModernClientInfo(message: unknown): ClientInfo {
  const reading = modernSchema.safeParse(message);
  return reading.success ? shortened(reading.data.params['_meta'][CLIENT_KEY]) : UNKNOWN;
}

/** Who the request itself says it is from; undefined where its session knows. */
export function clientIn({ era, message }: RpcRequest): ClientInfo | undefined {
  if (era === 'modern') return readModernClientInfo(message?.value);
  return message?.method === 'initialize' ? readClientInfo(message.value) : undefined;
}

function shortened({ name, version }: z.infer<typeof clientInfoSchema>): ClientInfo {
  return { name: name.slice(0, CLIENT_INFO_LENGTH_MAX), version: version.slice(0, CLIENT_INFO_LENGTH_MAX) };
}

/** The metadata that each request of revision 2026-07-28 carries, where a handshake once agreed on it. */
import { z } from 'zod';
import { CLAIM_KEY, paramOf } from '../../mcp/revision-claims.ts';
import type { RpcMessage } from '../../mcp/rpc-call.ts';

const CLIENT_INFO_KEY = 'io.modelcontextprotocol/clientInfo';
const CAPABILITIES_KEY = 'io.modelcontextprotocol/clientCapabilities';
const LOG_LEVEL_KEY = 'io.modelcontextprotocol/logLevel';
/** What the revision wants in requests, and no server of an older one knows. */
export const REQUEST_META_KEYS: ReadonlySet<string> = new Set([CLAIM_KEY, CLIENT_INFO_KEY, CAPABILITIES_KEY, LOG_LEVEL_KEY]);
/** In results. */
export const SERVER_INFO_KEY = 'io.modelcontextprotocol/serverInfo';
/** In notifications of a stream that listens. */
export const SUBSCRIPTION_KEY = 'io.modelcontextprotocol/subscriptionId';

/** From the most to the least that is told (RFC 5424, section 6.2.1). */
export const LOG_LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const logLevelSchema = z.enum(LOG_LEVELS);

const metaSchema = z.object({
  [CAPABILITIES_KEY]: z.record(z.string(), z.unknown()),
  [CLIENT_INFO_KEY]: z.looseObject({ name: z.string(), version: z.string() }).optional().catch(undefined),
  [LOG_LEVEL_KEY]: logLevelSchema.optional(),
});

export interface ModernMeta {
  readonly capabilities: Readonly<Record<string, unknown>>;
  readonly clientInfo: object | undefined;
  readonly logLevel: LogLevel | undefined;
}

/** Undefined where the revision's own servers answer with −32602. */
export function readModernMeta(message: RpcMessage): ModernMeta | undefined {
  const reading = metaSchema.safeParse(paramOf(message, '_meta'));
  if (!reading.success) return undefined;
  return { capabilities: reading.data[CAPABILITIES_KEY], clientInfo: reading.data[CLIENT_INFO_KEY], logLevel: reading.data[LOG_LEVEL_KEY] };
}

/** The client's capabilities as a server with sessions knows them: what has no form there is not promised in the client's name. */
export function legacyCapabilities({ capabilities }: ModernMeta): Readonly<Record<string, unknown>> {
  const { roots, sampling, elicitation } = capabilities;
  return {
    // A client of this revision has no way to say that its roots have changed.
    ...(roots === undefined ? {} : { roots: {} }),
    ...(sampling === undefined ? {} : { sampling }),
    ...(elicitation === undefined ? {} : { elicitation }),
  };
}

/** One text for each value, in whatever order its members were written. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) => {
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([left], [right]) => (left < right ? -1 : 1)));
  });
}

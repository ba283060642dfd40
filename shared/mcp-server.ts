/** The MCP server as a data plane needs it: how to reach the tool server, and how to govern it. */
import { z } from 'zod';
import { pricingSchema } from './pricing.ts';
import { sealedSecretSchema } from './sealed-secret.ts';
import { semanticFilterSchema } from './content-filter/semantic-filter.ts';
import { serverLimitsSchema } from './server-limits.ts';
import { searchToolSchema, webSearchPolicySchema } from './web-search.ts';
import { TOOL_REVIEWS, toolPinSchema } from './tool-pins.ts';

export const TRANSPORTS = ['STREAMABLE_HTTP', 'SSE', 'STDIO'] as const;
export type Transport = (typeof TRANSPORTS)[number];

/**
 * Who stands behind one child process of a STDIO server. SHARED: all its callers, so nothing that they do may stay in it.
 * PER_SESSION: one session of one key, for servers that remember who called or that ask their client.
 */
export const STDIO_ISOLATIONS = ['SHARED', 'PER_SESSION'] as const;
export type StdioIsolation = (typeof STDIO_ISOLATIONS)[number];

export const DENIAL_STYLES = ['AUTO', 'HTTP_STATUS', 'JSONRPC_ERROR', 'TOOL_RESULT'] as const;
export const denialStyleSchema = z.enum(DENIAL_STYLES);
export type DenialStyle = z.infer<typeof denialStyleSchema>;

/** Lower-case and URL-safe; no underscore, so that a slug is never mistaken for an id. */
export const slugSchema = z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/);

/** Whose sign-in an OAuth token comes from: the gateway's own, somebody's for the whole organisation, or that of the user whose key calls. */
export const OAUTH2_MODES = ['CLIENT_CREDENTIALS', 'AUTHORIZATION_CODE_ORG', 'AUTHORIZATION_CODE_USER'] as const;
export type OAuth2Mode = (typeof OAUTH2_MODES)[number];

/**
 * How Turnpike authenticates to the upstream. With OAUTH2 tokens come as entities of their own, since they change without the server; with
 * OAUTH2_PASSTHROUGH the caller brings one. Secrets are sealed for the place `{organisation, server, field}`. */
export const upstreamAuthSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('NONE') }),
  z.strictObject({ type: z.literal('BEARER'), token: sealedSecretSchema }),
  z.strictObject({ type: z.literal('BASIC'), username: z.string(), password: sealedSecretSchema }),
  z.strictObject({ type: z.literal('API_KEY'), header: z.string(), value: sealedSecretSchema }),
  z.strictObject({ type: z.literal('OAUTH2'), mode: z.enum(OAUTH2_MODES) }),
  z.strictObject({ type: z.literal('OAUTH2_PASSTHROUGH') }),
]);
export type UpstreamAuth = z.infer<typeof upstreamAuthSchema>;
export type UpstreamAuthType = UpstreamAuth['type'];
/** The field names under which secrets of a server are sealed. */
export const AUTH_SECRET_FIELDS = { BEARER: 'auth.token', BASIC: 'auth.password', API_KEY: 'auth.value' } as const;

/** The place of one environment variable of a STDIO server. */
export function stdioEnvField(name: string): string {
  return `stdioEnv.${name}`;
}

export const mcpServerSchema = z.strictObject({
  id: z.string(),
  organisationId: z.string(),
  slug: slugSchema,
  name: z.string(),
  transport: z.enum(TRANSPORTS),
  endpointUrl: z.url().nullable(),
  stdioCommand: z.string().nullable(),
  stdioArgs: z.array(z.string()),
  stdioEnv: z.record(z.string(), sealedSecretSchema),
  /** Documents that were written before there was a choice do not have it. */
  stdioIsolation: z.enum(STDIO_ISOLATIONS).default('SHARED'),
  auth: upstreamAuthSchema,
  enabled: z.boolean(),
  /** On the public Internet: its name must resolve to public addresses only, at every connection. */
  isPublic: z.boolean(),
  /** Team scope: only keys whose chain holds that team. Null together with `apiKeyId` means any granted key. */
  teamId: z.string().nullable(),
  apiKeyId: z.string().nullable(),
  allowedTools: z.array(z.string()),
  blockedTools: z.array(z.string()),
  toolRulesMode: z.enum(['ENFORCE', 'OBSERVE']),
  semanticFilter: semanticFilterSchema.nullable(),
  pricing: pricingSchema,
  denialStyle: denialStyleSchema,
  /** Documents that were written before servers had limits of their own do not have it. */
  limits: serverLimitsSchema.default({}),
  /** What discovery has seen; empty before the first one, and in documents that were written before there was any. */
  toolPins: z.array(toolPinSchema).default([]),
  /** When somebody last looked at all of them: what nodes have noticed by themselves since then still counts. */
  toolsDiscoveredAt: z.string().nullable().default(null),
  toolReview: z.enum(TOOL_REVIEWS).default('NONE'),
  /** Whether a tool that has changed is refused, or only recorded. */
  toolChangeMode: z.enum(['ENFORCE', 'OBSERVE']).default('ENFORCE'),
  /** Set for a server that searches the web; documents that were written before there were any do not have it. */
  webSearchPolicy: webSearchPolicySchema.nullable().default(null),
  /** Tools that can be told to keep to the policy, as far as discovery has seen them. */
  searchTools: z.array(searchToolSchema).default([]),
});
export type McpServer = z.infer<typeof mcpServerSchema>;

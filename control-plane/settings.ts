/** Reads the control plane's environment once, into typed settings; nothing else in this plane looks at `process.env`. */
import { z } from 'zod';
import { INTROSPECTION_MODES, type IntrospectionMode } from './access/introspection.ts';
import { cidrListSchema, stdioUserSchema } from '../shared/reach-settings.ts';

const environmentSchema = z.object({
  CONTROL_PLANE_PORT: z.coerce.number().int().min(0).max(65_535).default(4000),
  DATA_PLANE_PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  TURNPIKE_HOST: z.string().default('127.0.0.1'),
  TURNPIKE_DATA_DIR: z.string().default('./.turnpike'),
  TURNPIKE_SECRET_KEY: z.string(),
  TURNPIKE_OLD_SECRET_KEYS: z.string().optional(),
  TURNPIKE_STDIO_ALLOWLIST: z.string().optional(),
  TURNPIKE_GLOBAL_POLICY: z.string().optional(),
  TURNPIKE_STDIO_USER: stdioUserSchema.optional(),
  UPSTREAM_PRIVATE_CIDRS: cidrListSchema.optional(),
  TURNPIKE_GATEWAY_URL: z.url().optional(),
  CONTROL_PLANE_PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
  TURNPIKE_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  DATABASE_URL: z.string().regex(/^postgres(?:ql)?:\/\//, 'must be a postgresql:// URL'),
  REDIS_URL: z.url({ protocol: /^rediss?$|^redis\+unix$/ }).optional(),
  DATA_PLANE_TOKEN: z.string().optional(),
  RECONCILIATION_SECONDS: z.coerce.number().int().min(1).max(86_400).default(60),
  OIDC_ISSUER: z.url({ protocol: /^https?$/ }).optional(),
  OIDC_CLIENT_ID: z.string().optional(),
  OIDC_CLIENT_SECRET: z.string().optional(),
  OIDC_REDIRECT_URL: z.url({ protocol: /^https?$/ }).optional(),
  GRAPHQL_INTROSPECTION: z.enum(INTROSPECTION_MODES).default('administrators'),
  USAGE_RETENTION_DAYS: z.coerce.number().int().min(1).max(36_500).optional(),
});

export interface IdentityProviderSettings {
  readonly issuer: URL;
  readonly clientId: string;
  readonly clientSecret: string | undefined;
  /** Of this control plane, as browsers and the provider know it. */
  readonly redirectUrl: URL;
}

export interface ControlPlaneSettings {
  readonly host: string;
  readonly port: number;
  readonly dataDirectory: string;
  readonly secretKey: string;
  /** With which what was sealed before still opens; commas between them. */
  readonly oldSecretKeys: string | undefined;
  readonly stdioAllowlistPath: string | undefined;
  /** The operator's policy for all organisations; undefined leaves the one that is in force. */
  readonly globalPolicyPath: string | undefined;
  /** Whom STDIO servers run as while they are looked at; undefined for this program's own user. */
  readonly stdioUser: { readonly uid: number; readonly gid: number } | undefined;
  /** Where servers that are not public may live; undefined leaves private addresses open. */
  readonly upstreamPrivateCidrs: readonly string[] | undefined;
  /** What STDIO servers may see of it is chosen from it by name; it is kept for nothing else. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where agents reach the gateway, for the URLs that the API shows. */
  readonly gatewayUrl: string;
  /** Where browsers reach this plane; undefined for where it listens. */
  readonly publicUrl: string | undefined;
  readonly logLevel: string;
  readonly databaseUrl: string;
  /** Undefined only where the usage source is handed in, as the standalone mode does. */
  readonly redisUrl: string | undefined;
  /** A data-plane token that the operator chose; its hash is registered at the start. */
  readonly dataPlaneToken: string | undefined;
  /** How often counters, records and sums of an organisation are compared. */
  readonly reconciliationMillis: number;
  /** How long usage records are kept at least; undefined for ever. */
  readonly usageRetentionDays: number | undefined;
  /** Whether sessions over plain HTTP on the machine itself may have a cookie that is not `Secure`: in development mode alone. */
  readonly allowsPlainCookies: boolean;
  /** Who may read the schema through the API. */
  readonly introspection: IntrospectionMode;
  /** Where people may sign in besides here. */
  readonly identityProvider: IdentityProviderSettings | undefined;
}

/** Throws one sentence that names every variable that is missing or wrong. */
export function readControlPlaneSettings(environment: Readonly<Record<string, string | undefined>>): ControlPlaneSettings {
  const reading = environmentSchema.safeParse(environment);
  if (!reading.success) {
    const faults = reading.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new Error(`the control plane's environment is incomplete: ${faults.join('; ')}`);
  }
  const given = reading.data;
  return {
    host: given.TURNPIKE_HOST,
    port: given.CONTROL_PLANE_PORT,
    dataDirectory: given.TURNPIKE_DATA_DIR,
    secretKey: given.TURNPIKE_SECRET_KEY,
    oldSecretKeys: given.TURNPIKE_OLD_SECRET_KEYS,
    stdioAllowlistPath: given.TURNPIKE_STDIO_ALLOWLIST,
    globalPolicyPath: given.TURNPIKE_GLOBAL_POLICY,
    stdioUser: given.TURNPIKE_STDIO_USER,
    upstreamPrivateCidrs: given.UPSTREAM_PRIVATE_CIDRS,
    environment,
    gatewayUrl: given.TURNPIKE_GATEWAY_URL ?? `http://127.0.0.1:${given.DATA_PLANE_PORT}`,
    publicUrl: given.CONTROL_PLANE_PUBLIC_URL,
    logLevel: given.TURNPIKE_LOG_LEVEL,
    databaseUrl: given.DATABASE_URL,
    redisUrl: given.REDIS_URL,
    dataPlaneToken: given.DATA_PLANE_TOKEN,
    reconciliationMillis: given.RECONCILIATION_SECONDS * 1000,
    usageRetentionDays: given.USAGE_RETENTION_DAYS,
    allowsPlainCookies: false,
    introspection: given.GRAPHQL_INTROSPECTION,
    identityProvider: identityProviderOf(given),
  };
}

function identityProviderOf(given: z.infer<typeof environmentSchema>): IdentityProviderSettings | undefined {
  const { OIDC_ISSUER: issuer, OIDC_CLIENT_ID: clientId, OIDC_REDIRECT_URL: redirectUrl, OIDC_CLIENT_SECRET: clientSecret } = given;
  if (issuer === undefined && clientId === undefined && redirectUrl === undefined && clientSecret === undefined) return undefined;
  if (issuer === undefined || clientId === undefined || redirectUrl === undefined)
    throw new Error("the control plane's environment is incomplete: OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_REDIRECT_URL go together");
  return { issuer: new URL(issuer), clientId, clientSecret, redirectUrl: new URL(redirectUrl) };
}

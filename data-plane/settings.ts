/** Reads the data plane's environment once, into typed settings; nothing else in this plane looks at `process.env`. */
import { z } from 'zod';
import { cidrListSchema, stdioUserSchema } from '../shared/reach-settings.ts';
import type { ChildUser } from './transports/process-isolation.ts';

const MEBIBYTE = 1024 * 1024;

const environmentSchema = z.object({
  DATA_PLANE_PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  TURNPIKE_HOST: z.string().default('127.0.0.1'),
  TURNPIKE_DATA_DIR: z.string().default('./.turnpike'),
  TURNPIKE_SECRET_KEY: z.string(),
  TURNPIKE_OLD_SECRET_KEYS: z.string().optional(),
  TURNPIKE_STDIO_ALLOWLIST: z.string().optional(),
  TURNPIKE_STDIO_USER: stdioUserSchema.optional(),
  TURNPIKE_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  CONTROL_PLANE_URL: z.url({ protocol: /^https?$/ }),
  DATA_PLANE_TOKEN: z.string(),
  REDIS_URL: z.url({ protocol: /^rediss?$|^redis\+unix$/ }).optional(),
  UPSTREAM_PRIVATE_CIDRS: cidrListSchema.optional(),
  DATA_PLANE_ALLOWED_HOSTS: z.string().optional(),
  DATA_PLANE_NODE_URL: z
    .url({ protocol: /^http$/ })
    .refine(isOrigin, 'must be http://host:port without a path')
    .optional(),
  DATA_PLANE_REGION: z.string().max(100).optional(),
  DATA_PLANE_MAX_CONCURRENT_REQUESTS: z.coerce.number().int().positive().default(10_000),
});

export interface DataPlaneSettings {
  readonly host: string;
  readonly port: number;
  readonly dataDirectory: string;
  readonly secretKey: string;
  /** With which what was sealed before still opens; commas between them. */
  readonly oldSecretKeys: string | undefined;
  readonly stdioAllowlistPath: string | undefined;
  /** Whom STDIO servers run as; undefined for the gateway's own user. */
  readonly stdioUser: ChildUser | undefined;
  readonly logLevel: string;
  readonly controlPlaneUrl: string;
  readonly dataPlaneToken: string;
  /** Undefined only where counters are handed in, as the standalone mode does. */
  readonly redisUrl: string | undefined;
  /** Where servers that are not public may live; undefined leaves private addresses open. */
  readonly upstreamPrivateCidrs: readonly string[] | undefined;
  /** Names by which requests may call the gateway; undefined judges only what arrives over loopback. */
  readonly allowedHosts: readonly string[] | undefined;
  /** How the other nodes reach this one: `http://host:port`; without it they do not. */
  readonly nodeUrl: string | undefined;
  /** Where this node runs, as the API shows it. */
  readonly region: string | null;
  readonly concurrentRequestsMax: number;
  /** What STDIO children may see of this process's own environment is chosen from it by name; it is kept for nothing else. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Body bytes that are accepted where no policy says less. */
export const REQUEST_BYTES_MAX = 4 * MEBIBYTE;

/** Throws one sentence that names every variable that is missing or wrong. */
export function readDataPlaneSettings(environment: Readonly<Record<string, string | undefined>>): DataPlaneSettings {
  const reading = environmentSchema.safeParse(environment);
  if (!reading.success) {
    const faults = reading.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new Error(`the data plane's environment is incomplete: ${faults.join('; ')}`);
  }
  const given = reading.data;
  return {
    host: given.TURNPIKE_HOST,
    port: given.DATA_PLANE_PORT,
    dataDirectory: given.TURNPIKE_DATA_DIR,
    secretKey: given.TURNPIKE_SECRET_KEY,
    oldSecretKeys: given.TURNPIKE_OLD_SECRET_KEYS,
    stdioAllowlistPath: given.TURNPIKE_STDIO_ALLOWLIST,
    stdioUser: given.TURNPIKE_STDIO_USER,
    logLevel: given.TURNPIKE_LOG_LEVEL,
    controlPlaneUrl: given.CONTROL_PLANE_URL,
    dataPlaneToken: given.DATA_PLANE_TOKEN,
    redisUrl: given.REDIS_URL,
    upstreamPrivateCidrs: given.UPSTREAM_PRIVATE_CIDRS,
    allowedHosts: listIn(given.DATA_PLANE_ALLOWED_HOSTS),
    nodeUrl: given.DATA_PLANE_NODE_URL === undefined ? undefined : new URL(given.DATA_PLANE_NODE_URL).origin,
    region: given.DATA_PLANE_REGION ?? null,
    concurrentRequestsMax: given.DATA_PLANE_MAX_CONCURRENT_REQUESTS,
    environment,
  };
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).href === `${new URL(text).origin}/`;
}

function listIn(text: string | undefined): string[] | undefined {
  return text?.split(',').map((item) => item.trim());
}

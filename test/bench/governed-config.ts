/** The configuration of the governed contenders: everything on that production has on, with ceilings that nobody reaches. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { saveConfiguration } from './save-configuration.ts';
import { SecretSealer } from '../../shared/sealed-secret.ts';
import { SecretKey } from '../../shared/secret-key.ts';
import { mintToken, TokenHasher } from '../../shared/token.ts';
import { AUTH_SECRET_FIELDS, type McpServer } from '../../shared/mcp-server.ts';
import { accessGrant, apiKey, limit, mcpServer, organisation, policy, snapshotOf } from '../support/domain.ts';

/** Where the tool server is: a URL, or a program to be started. */
export type Upstream = { readonly url: string } | { readonly command: string; readonly args: readonly string[] };

export interface GovernedConfig {
  readonly environment: Readonly<Record<string, string>>;
  readonly path: string;
  readonly token: string;
}

const NEVER = 1_000_000_000;
const ADDRESSES = { allowlist: ['127.0.0.0/8'], blocklist: ['203.0.113.0/24'] };
const PAYLOAD = { max_request_bytes: 262_144, max_response_bytes: 8_388_608 };
const CONCURRENCY = { max: 100_000 };
/** Five request rates and two concurrency limits, besides address lists and payload limits at every level. */
const RATE_LIMITS = {
  ORGANISATION: { requests: { per_minute: NEVER } },
  TEAM: { requests: { per_minute: NEVER } },
  API_KEY: { requests: { per_second: NEVER, per_minute: NEVER }, concurrency: CONCURRENCY },
  MCP_SERVER: { requests: { per_second: NEVER }, concurrency: CONCURRENCY },
};
const SUBJECTS = ['payroll', 'merger', 'board minutes', 'source code', 'customer list', 'private key', 'salary', 'lawsuit', 'passport', 'forecast'];
const VERBS = ['leak the', 'forward the', 'publish the', 'sell the', 'copy the'];
const KEYWORDS = SUBJECTS.flatMap((subject) => VERBS.map((verb) => `${verb} ${subject}`));

/** Written to disk as a last known good configuration, so that no control plane takes part in the measurement. */
export async function prepareGoverned(upstream: Upstream, dataDirectory: string): Promise<GovernedConfig> {
  const secret = randomBytes(32).toString('base64');
  const secretKey = new SecretKey(secret);
  const { id: organisationId, ...rest } = organisation();
  const teamId = 'tea_bench';
  const { key, token } = apiKey(organisationId, new TokenHasher(secretKey.derive('token-hash')), { type: 'TEAM', teamId });
  const draft = mcpServer(organisationId, { ...reachOf(upstream), blockedTools: ['delete_file', 'drop_table'] });
  const place = { organisationId, ownerId: draft.id, field: AUTH_SECRET_FIELDS.BEARER };
  const server = {
    ...draft,
    ...('url' in upstream ? { auth: { type: 'BEARER' as const, token: new SecretSealer(secretKey).seal('upstream-token', place) } } : {}),
    semanticFilter: { blockedKeywords: KEYWORDS, blockedPatterns: [], detectors: [], applyTo: ['REQUEST' as const], action: 'BLOCK' as const },
    pricing: { ...draft.pricing, callFemtosUsd: '2000000000', inputByteFemtosUsd: '500000000', outputByteFemtosUsd: '1000000000' },
  };
  const owners = [
    { scope: 'ORGANISATION', ownerId: organisationId },
    { scope: 'TEAM', ownerId: teamId },
    { scope: 'API_KEY', ownerId: key.id },
    { scope: 'MCP_SERVER', ownerId: server.id },
  ] as const;
  const upserts = snapshotOf({
    organisations: [{ id: organisationId, ...rest }],
    apiKeys: [key],
    mcpServers: [server],
    accessGrants: [accessGrant(key, server)],
    policies: owners.map((owner) =>
      policy(organisationId, { ...owner, envelope: { policies: { ip: ADDRESSES, ratelimit: { ...RATE_LIMITS[owner.scope], payload: PAYLOAD } } } }),
    ),
    limits: [
      limit(organisationId, { ownerType: 'ORGANISATION', ownerId: organisationId, metric: 'NANO_USD', amount: '9000000000000000' }),
      limit(organisationId, { ownerType: 'API_KEY', ownerId: key.id, metric: 'NANO_USD', amount: '9000000000000000', period: 'DAILY' }),
      limit(organisationId, { ownerType: 'TEAM', ownerId: teamId, metric: 'TOOL_CALLS', amount: '9000000000000000' }),
      limit(organisationId, { ownerType: 'API_KEY', ownerId: key.id, metric: 'OUTPUT_BYTES', amount: '9000000000000000', period: 'DAILY' }),
    ],
  });
  await saveConfiguration({ upserts, secretKey, dataDirectory, log: pino({ level: 'silent' }) });
  return {
    token,
    path: `/v1/mcp/${server.slug}`,
    environment: {
      TURNPIKE_SECRET_KEY: secret,
      TURNPIKE_DATA_DIR: dataDirectory,
      // Nobody listens there: the node serves what is on disk.
      CONTROL_PLANE_URL: 'http://127.0.0.1:9',
      DATA_PLANE_TOKEN: mintToken('dataPlaneToken').token,
      ...('url' in upstream ? {} : { TURNPIKE_STDIO_ALLOWLIST: writeAllowlist(upstream, dataDirectory) }),
    },
  };
}

function reachOf(upstream: Upstream): Partial<McpServer> {
  if ('url' in upstream) return { endpointUrl: upstream.url };
  return { transport: 'STDIO', endpointUrl: null, stdioCommand: upstream.command, stdioArgs: [...upstream.args] };
}

function writeAllowlist({ command, args }: { readonly command: string; readonly args: readonly string[] }, directory: string): string {
  const path = join(directory, 'stdio-allowlist.json');
  writeFileSync(path, JSON.stringify({ entries: [{ command, args: args.map((arg) => RegExp.escape(arg)), env: [] }] }));
  return path;
}

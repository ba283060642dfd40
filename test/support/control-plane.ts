/** A control plane in the test's own process, on a real PostgreSQL, with tokens of any kind to ask it with. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino, type Logger } from 'pino';
import { z } from 'zod';
import { PERMISSIONS, type Permission } from '../../control-plane/access/permissions.ts';
import { startControlPlane, type ControlPlaneParts, type RunningControlPlane } from '../../control-plane/application.ts';
import { readControlPlaneSettings, type ControlPlaneSettings } from '../../control-plane/settings.ts';
import { MemoryCounters } from '../../data-plane/counters/memory-counters.ts';
import { MemoryWindowCounts } from '../../data-plane/counters/memory-window-counts.ts';
import { systemClock } from '../../shared/clock.ts';
import { newId } from '../../shared/ids.ts';
import { SecretKey } from '../../shared/secret-key.ts';
import { mintToken, TokenHasher } from '../../shared/token.ts';
import { UsageQueue } from '../../shared/usage-queue.ts';
import { AdminClient } from './admin-client.ts';
import { startTestPostgres, type TestDatabase } from './postgres.ts';

/** Only this may run as a STDIO server in these tests. */
export const ALLOWED_STDIO = { stdioCommand: '/bin/cat', stdioArgs: ['-u'] } as const;
const ALLOWLIST = { entries: [{ command: '/bin/cat', args: ['-u'], env: ['API_TOKEN', 'REGION'] }] };

export const answerSchema = z.object({
  data: z.record(z.string(), z.unknown()).nullish(),
  errors: z.array(z.object({ message: z.string(), extensions: z.record(z.string(), z.unknown()).optional() })).optional(),
});
export type GraphqlAnswer = z.infer<typeof answerSchema> & { readonly status: number };

export interface TestControlPlane {
  readonly url: string;
  readonly graphqlUrl: string;
  readonly organisationId: string;
  /** The first administrator, who may do everything. */
  readonly token: string;
  readonly admin: AdminClient;
  readonly database: TestDatabase;
  readonly settings: ControlPlaneSettings;
  /** Hashes keys and tokens as the plane does. */
  readonly hasher: TokenHasher;
  /** What is appended here is recorded, as a data plane's events are. */
  readonly usageQueue: UsageQueue;
  /** What is counted here is shown. */
  readonly counters: MemoryCounters;
  /** Everything that was logged. */
  log(): string;
  /** The whole answer, errors included; without a token nobody asks. */
  ask(query: string, variables?: Record<string, unknown>, token?: string | null): Promise<GraphqlAnswer>;
  newOrganisation(slug: string): Promise<{ organisationId: string; token: string; admin: AdminClient }>;
  newAdminToken(options?: { organisationId?: string; permissions?: readonly Permission[]; expiresAt?: Date }): Promise<{ token: string; id: string }>;
  newDataPlaneToken(): Promise<{ token: string; id: string }>;
  close(): Promise<void>;
}

type Stores = Pick<ControlPlaneParts, 'usageSource' | 'windowCounts'>;

/** For a plane without a data plane: nothing is recorded and nothing counted. */
export function emptyStores(): Stores {
  return { usageSource: new UsageQueue(), windowCounts: new MemoryWindowCounts(new MemoryCounters({ clock: systemClock })) };
}

/** The operator's list is that of these tests, unless a file with another one is named. `environment` holds further variables. */
export async function startTestControlPlane(
  otherAllowlistPath?: string,
  otherStores: Partial<Stores> = {},
  environment: Readonly<Record<string, string>> = {},
): Promise<TestControlPlane> {
  const database = await startTestPostgres();
  const directory = await mkdtemp(join(tmpdir(), 'turnpike-control-'));
  const allowlistPath = otherAllowlistPath ?? join(directory, 'allowlist.json');
  if (otherAllowlistPath === undefined) await writeFile(allowlistPath, JSON.stringify(ALLOWLIST));
  const settings = testSettings({ DATABASE_URL: database.url, TURNPIKE_DATA_DIR: directory, TURNPIKE_STDIO_ALLOWLIST: allowlistPath, ...environment });
  const { log, lines } = recordingLog();
  const usageQueue = new UsageQueue();
  const counters = new MemoryCounters({ clock: systemClock, queue: usageQueue });
  const running = await startControlPlane(settings, { log, usageSource: usageQueue, windowCounts: new MemoryWindowCounts(counters), ...otherStores });
  const hasher = new TokenHasher(new SecretKey(settings.secretKey).derive('token-hash'));
  const token = (await readFile(join(directory, 'admin-token'), 'utf8')).trim();
  const graphqlUrl = `${running.url}/graphql`;
  const [organisation] = await database.query('select id from organisations');
  const organisationId = String(organisation?.['id']);
  const newAdminToken: TestControlPlane['newAdminToken'] = async (options = {}) => {
    const [minted, id] = [mintToken('adminToken'), newId('adminToken')];
    await database.query('insert into admin_tokens (id, organisation_id, name, prefix, hash, permissions, expires_at) values ($1, $2, $3, $4, $5, $6, $7)', [
      id,
      options.organisationId ?? organisationId,
      'test',
      minted.prefix,
      hasher.hash(minted.token),
      options.permissions ?? PERMISSIONS,
      options.expiresAt ?? null,
    ]);
    return { token: minted.token, id };
  };
  return {
    url: running.url,
    graphqlUrl,
    organisationId,
    token,
    admin: new AdminClient(graphqlUrl, token),
    database,
    settings,
    hasher,
    usageQueue,
    counters,
    log: () => lines.join(''),
    ask: (query, variables = {}, asker = token) => ask(graphqlUrl, { query, variables }, asker),
    newOrganisation: async (slug) => {
      const id = newId('organisation');
      await database.query('insert into organisations (id, slug, name) values ($1, $2, $2)', [id, slug]);
      const other = await newAdminToken({ organisationId: id });
      return { organisationId: id, token: other.token, admin: new AdminClient(graphqlUrl, other.token) };
    },
    newAdminToken,
    newDataPlaneToken: async () => {
      const [minted, id] = [mintToken('dataPlaneToken'), newId('dataPlaneToken')];
      await database.query('insert into data_plane_tokens (id, prefix, hash) values ($1, $2, $3)', [id, minted.prefix, hasher.hash(minted.token)]);
      return { token: minted.token, id };
    },
    close: () => takeDown(running, database, directory),
  };
}

export function testSettings(environment: Record<string, string>): ControlPlaneSettings {
  return readControlPlaneSettings({ CONTROL_PLANE_PORT: '0', TURNPIKE_SECRET_KEY: randomBytes(32).toString('base64'), ...environment });
}

export function recordingLog(): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  return { log: pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) }), lines };
}

export async function ask(graphqlUrl: string, body: unknown, token: string | null): Promise<GraphqlAnswer> {
  const response = await fetch(graphqlUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token === null ? {} : { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  });
  return { ...answerSchema.parse(await response.json()), status: response.status };
}

const userErrorSchema = z.object({ field: z.array(z.string()).nullable(), message: z.string(), code: z.string(), hint: z.string().nullable() });
export type ToldUserError = z.infer<typeof userErrorSchema>;

/** Runs one mutation and answers its user errors; fails on errors of any other kind. */
export async function userErrorsOf(
  plane: TestControlPlane,
  mutation: string,
  inputType: string,
  input: Record<string, unknown>,
  token = plane.token,
): Promise<ToldUserError[]> {
  const answer = await plane.ask(
    `mutation($input: ${inputType}!) { answer: ${mutation}(input: $input) { userErrors { field message code hint } } }`,
    { input },
    token,
  );
  if (answer.errors !== undefined) throw new Error(JSON.stringify(answer.errors));
  return z.object({ userErrors: z.array(userErrorSchema) }).parse(answer.data?.['answer']).userErrors;
}

async function takeDown(running: RunningControlPlane, database: TestDatabase, directory: string): Promise<void> {
  await running.close();
  await database.stop();
  await rm(directory, { recursive: true, force: true });
}

/** Usage as tests make it: events as a data plane writes them, a database to store them in, and what was stored. */
import { z } from 'zod';
import { migrate, openOrm } from '../../control-plane/database/orm.ts';
import { newId } from '../../shared/ids.ts';
import type { UsageEvent } from '../../shared/usage-event.ts';
import { startTestPostgres, type TestDatabase } from './postgres.ts';
import { recordingLog } from './recording-log.ts';

/** An allowed call that cost one nano-USD; whatever is not said is what most calls have. */
export function usageEvent(given: Partial<UsageEvent> = {}): UsageEvent {
  return {
    requestId: newId('request'),
    timeMillis: Date.now(),
    dataPlane: 'node:1',
    organisationId: 'org_own',
    teamId: null,
    userId: null,
    userDomain: null,
    apiKeyId: null,
    apiKeyPrefix: null,
    serverId: null,
    serverSlug: 'tools',
    transport: 'STREAMABLE_HTTP',
    httpMethod: 'POST',
    rpcMethod: 'tools/call',
    tool: 'echo',
    isToolError: false,
    status: 200,
    decision: 'ALLOWED',
    code: null,
    reason: null,
    message: null,
    rule: null,
    observed: [],
    retryAfterSeconds: null,
    latencyMicros: 1500,
    upstreamLatencyMicros: 1000,
    inputBytes: 10,
    outputBytes: 20,
    pricing: null,
    costNanosUsd: '1',
    sessionId: null,
    protocolVersion: null,
    clientName: null,
    clientVersion: null,
    clientIp: null,
    traceId: null,
    dlpOutcome: 'NONE',
    agentId: null,
    agentClientId: null,
    step: null,
    dlpFindings: [],
    ...given,
  };
}

export function usageEvents(count: number, given: Partial<UsageEvent> = {}): UsageEvent[] {
  return Array.from({ length: count }, () => usageEvent(given));
}

/** What is in the database of usage. */
export interface StoredUsage {
  readonly records: number;
  readonly sidecars: number;
  readonly costNanosUsd: string;
}

export interface UsageDatabase {
  readonly database: TestDatabase;
  readonly orm: Awaited<ReturnType<typeof openOrm>>;
  stored(): Promise<StoredUsage>;
  /** Events that were set aside, and why. */
  deadLetters(): Promise<{ event: string; reason: string }[]>;
  /** Leaves no record, no sum and no dead letter. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

export async function startUsageDatabase(): Promise<UsageDatabase> {
  const database = await startTestPostgres();
  const { log } = recordingLog();
  const orm = await openOrm(database.url, log);
  await migrate(orm, log);
  return {
    database,
    orm,
    stored: async () => {
      const [row] = await database.query(
        `select (select count(*)::integer from usage_records) as records, (select count(*)::integer from mcp_usage_records) as sidecars,
          (select coalesce(sum(cost_nanos_usd), 0)::text from usage_records) as "costNanosUsd"`,
      );
      return storedSchema.parse(row);
    },
    deadLetters: async () => deadLettersSchema.parse(await database.query('select event, reason from usage_dead_letters order by set_aside_at')),
    clear: async () => {
      await database.query('truncate usage_records, mcp_usage_records, usage_hours, usage_days, usage_hour_slices, usage_day_slices, usage_dead_letters');
    },
    close: async () => {
      await orm.close(true);
      await database.stop();
    },
  };
}

const storedSchema = z.object({ records: z.number(), sidecars: z.number(), costNanosUsd: z.string() });
const deadLettersSchema = z.array(z.object({ event: z.string(), reason: z.string() }));

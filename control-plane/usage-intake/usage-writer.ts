/** Stores a batch of usage events, each once however often it is delivered. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { newId } from '../../shared/ids.ts';
import type { UsageEvent } from '../../shared/usage-event.ts';
import { USAGE_CHANNEL } from '../usage/usage-live.ts';
import { noteSightings } from './client-sightings.ts';
import { rollUp } from './roll-up.ts';
import { insertFrom, rowsFrom, type RowOf } from './stored-rows.ts';
import { lockUsage } from './usage-lock.ts';

const RECORD_COLUMNS = [
  'id text',
  'request_id text',
  'occurred_at timestamptz',
  'data_plane text',
  'organisation_id text',
  'team_id text',
  'user_id text',
  'user_domain text',
  'api_key_id text',
  'api_key_prefix text',
  'status integer',
  'decision text',
  'code text',
  'reason text',
  'message text',
  'rule jsonb',
  'observed jsonb',
  'retry_after_seconds integer',
  'latency_micros bigint',
  'upstream_latency_micros bigint',
  'input_bytes bigint',
  'output_bytes bigint',
  'cost_nanos_usd numeric',
  'client_name text',
  'client_version text',
  'client_ip text',
  'trace_id text',
  'dlp_outcome text',
  'agent_id text',
  'agent_client_id text',
  'step smallint',
  'dlp_findings jsonb',
] as const;
const SIDECAR_COLUMNS = [
  'request_id text',
  'organisation_id text',
  'server_id text',
  'server_slug text',
  'transport text',
  'http_method text',
  'rpc_method text',
  'tool text',
  'is_tool_error boolean',
  'session_id text',
  'protocol_version text',
  'pricing jsonb',
] as const;

/** What else is to be done in the transaction, for organisations of which something new was stored. When it throws, nothing is. */
export type OnStored = (em: EntityManager, organisationIds: readonly string[]) => Promise<void>;

/** One statement per table, whatever the size of the batch. Only what is new is summed. Answers how many were. */
export function writeUsage(em: EntityManager, delivered: readonly UsageEvent[], onStored?: OnStored): Promise<number> {
  const events = firstOfEach(delivered);
  return em.fork().transactional(async (writer) => {
    await lockUsage(writer);
    const stored = await writer.execute<{ request_id: string }[]>(
      `${insertFrom('usage_records', RECORD_COLUMNS)} on conflict (request_id) do nothing returning request_id`,
      [JSON.stringify(events.map(toRecord))],
    );
    if (stored.length === 0) return 0;
    const newIds = new Set(stored.map(({ request_id: requestId }) => requestId));
    const newEvents = events.filter(({ requestId }) => newIds.has(requestId));
    await writer.execute(insertFrom('mcp_usage_records', SIDECAR_COLUMNS), [JSON.stringify(newEvents.map(toSidecar))]);
    await rollUp(writer, newEvents);
    await touchKeys(writer, events);
    await touchServers(writer, events);
    await noteSightings(writer, newEvents);
    await onStored?.(writer, [...new Set(newEvents.flatMap(({ organisationId }) => organisationId ?? []))]);
    await writer.execute(`select pg_notify('${USAGE_CHANNEL}', '')`);
    return stored.length;
  });
}

/** Whatever is told twice of a request, what was told first is what counted. */
function firstOfEach(events: readonly UsageEvent[]): UsageEvent[] {
  const known = new Set<string>();
  return events.filter(({ requestId }) => !known.has(requestId) && known.add(requestId));
}

async function touchKeys(em: EntityManager, events: readonly UsageEvent[]): Promise<void> {
  const rows = lastUsesOf(events, 'apiKeyId');
  if (rows.length === 0) return;
  await em.execute(
    `update api_keys set last_used_at = greatest(last_used_at, given.at) from ${rowsFrom(['id text', 'at timestamptz'])} where api_keys.id = given.id`,
    [JSON.stringify(rows)],
  );
}

/** Servers are wide rows, and are busy: each is written once in a minute at most. */
async function touchServers(em: EntityManager, events: readonly UsageEvent[]): Promise<void> {
  const rows = lastUsesOf(events, 'serverId');
  if (rows.length === 0) return;
  await em.execute(
    `update mcp_servers set last_used_at = given.at from ${rowsFrom(['id text', 'at timestamptz'])}
     where mcp_servers.id = given.id and coalesce(last_used_at < given.at - interval '1 minute', true)`,
    [JSON.stringify(rows)],
  );
}

function lastUsesOf(events: readonly UsageEvent[], field: 'apiKeyId' | 'serverId'): { id: string; at: Date }[] {
  const lastUsed = new Map<string, number>();
  for (const { [field]: id, timeMillis } of events) if (id !== null) lastUsed.set(id, Math.max(timeMillis, lastUsed.get(id) ?? 0));
  return [...lastUsed].map(([id, millis]) => ({ id, at: new Date(millis) }));
}

function toRecord(event: UsageEvent): RowOf<typeof RECORD_COLUMNS> {
  return {
    id: newId('usageRecord', event.timeMillis),
    request_id: event.requestId,
    occurred_at: new Date(event.timeMillis),
    data_plane: event.dataPlane,
    organisation_id: event.organisationId,
    team_id: event.teamId,
    user_id: event.userId,
    user_domain: event.userDomain,
    api_key_id: event.apiKeyId,
    api_key_prefix: event.apiKeyPrefix,
    status: event.status,
    decision: event.decision,
    code: event.code,
    reason: event.reason,
    message: event.message,
    rule: event.rule,
    observed: event.observed,
    retry_after_seconds: event.retryAfterSeconds,
    latency_micros: event.latencyMicros,
    upstream_latency_micros: event.upstreamLatencyMicros,
    input_bytes: event.inputBytes,
    output_bytes: event.outputBytes,
    cost_nanos_usd: event.costNanosUsd,
    client_name: event.clientName,
    client_version: event.clientVersion,
    client_ip: event.clientIp,
    trace_id: event.traceId,
    dlp_outcome: event.dlpOutcome,
    agent_id: event.agentId,
    agent_client_id: event.agentClientId,
    step: event.step,
    dlp_findings: event.dlpFindings,
  };
}

function toSidecar(event: UsageEvent): RowOf<typeof SIDECAR_COLUMNS> {
  return {
    request_id: event.requestId,
    organisation_id: event.organisationId,
    server_id: event.serverId,
    server_slug: event.serverSlug,
    transport: event.transport,
    http_method: event.httpMethod,
    rpc_method: event.rpcMethod,
    tool: event.tool,
    is_tool_error: event.isToolError,
    session_id: event.sessionId,
    protocol_version: event.protocolVersion,
    pricing: event.pricing,
  };
}

/** Turns a row of usage into the public record. */
import { formatNanos, formatUsd } from '../../shared/nanos-usd.ts';
import { readObservation, type Observation } from '../../shared/observation.ts';
import { pageOfReason, REFUSALS } from '../../shared/refusals.ts';
import { traceOf } from './decision-trace.ts';
import type { Denial, PricingSnapshot, UsageRecordType } from './usage.types.ts';
import type { UsageRow } from './usage-row.ts';

export function toUsageRecord(row: UsageRow): UsageRecordType {
  const observations = row.observed.flatMap((text) => readObservation(text) ?? []);
  return {
    id: row.id,
    requestId: row.request_id,
    occurredAt: row.occurred_at,
    teamId: row.team_id,
    apiKeyId: row.api_key_id,
    apiKeyPrefix: row.api_key_prefix,
    status: row.status,
    decision: row.decision,
    denial: denialOf(row),
    observed: observations.map(({ code, reason }) => `${code}/${reason}`),
    wouldHave: observations.map(wouldHaveBeen),
    trace: traceOf(row),
    dlpOutcome: row.dlp_outcome,
    dlpFindings: row.dlp_findings,
    latencyMs: toMillis(row.latency_micros),
    upstreamLatencyMs: row.upstream_latency_micros === null ? null : toMillis(row.upstream_latency_micros),
    inputBytes: row.input_bytes,
    outputBytes: row.output_bytes,
    cost: { nanosUsd: row.cost_nanos_usd, usd: formatUsd(BigInt(row.cost_nanos_usd)) },
    traceId: row.trace_id,
    clientIp: row.client_ip,
    clientName: row.client_name,
    clientVersion: row.client_version,
    agentId: row.agent_id,
    agentClientId: row.agent_client_id,
    dataPlane: row.data_plane,
    mcp: {
      serverId: row.server_id,
      serverSlug: row.server_slug,
      transport: row.transport,
      httpMethod: row.http_method,
      rpcMethod: row.rpc_method,
      tool: row.tool,
      sessionId: row.session_id,
      protocolVersion: row.protocol_version,
      isToolError: row.is_tool_error,
      pricing: pricingOf(row),
    },
  };
}

function wouldHaveBeen({ code, reason, rule }: Observation): Denial {
  const sentence = Object.entries(REFUSALS).find(([known]) => known === code)?.[1].sentence ?? '';
  return { code: code.toUpperCase(), reason, message: sentence, rule: shownRule(rule ?? null), docsUrl: pageOfReason(reason), retryAfterSeconds: null };
}

export function denialOf(row: Pick<UsageRow, 'code' | 'reason' | 'message' | 'rule' | 'retry_after_seconds'>): Denial | null {
  if (row.code === null) return null;
  return {
    code: row.code.toUpperCase(),
    reason: row.reason ?? '',
    message: row.message ?? '',
    rule: shownRule(row.rule),
    docsUrl: pageOfReason(row.reason ?? row.code),
    retryAfterSeconds: row.retry_after_seconds,
  };
}

function shownRule(rule: UsageRow['rule']): Denial['rule'] {
  return rule === null ? null : { kind: rule.kind, id: rule.id ?? null, path: rule.path };
}

function pricingOf({ pricing }: UsageRow): PricingSnapshot | null {
  if (pricing === null) return null;
  return {
    callNanosUsd: formatNanos(BigInt(pricing.callFemtosUsd)),
    inputByteNanosUsd: formatNanos(BigInt(pricing.inputByteFemtosUsd)),
    outputByteNanosUsd: formatNanos(BigInt(pricing.outputByteFemtosUsd)),
    override: pricing.isOverride,
  };
}

function toMillis(micros: string): number {
  return Math.round(Number(micros) / 1000);
}

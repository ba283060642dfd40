/** Usage records as lines of text. */
import { exportForms, type ExportFields } from '../export/export-form.ts';
import type { UsageRow } from '../usage/usage-row.ts';

/** Whatever may be larger than JavaScript's numbers is text. */
const FIELDS = {
  id: (row) => row.id,
  requestId: (row) => row.request_id,
  occurredAt: (row) => row.occurred_at.toISOString(),
  teamId: (row) => row.team_id,
  userId: (row) => row.user_id,
  userDomain: (row) => row.user_domain,
  apiKeyId: (row) => row.api_key_id,
  apiKeyPrefix: (row) => row.api_key_prefix,
  serverId: (row) => row.server_id,
  serverSlug: (row) => row.server_slug,
  transport: (row) => row.transport,
  httpMethod: (row) => row.http_method,
  rpcMethod: (row) => row.rpc_method,
  tool: (row) => row.tool,
  isToolError: (row) => row.is_tool_error,
  status: (row) => row.status,
  decision: (row) => row.decision,
  code: (row) => row.code,
  reason: (row) => row.reason,
  message: (row) => row.message,
  observed: (row) => row.observed.join(' '),
  retryAfterSeconds: (row) => row.retry_after_seconds,
  dlpOutcome: (row) => row.dlp_outcome,
  latencyMicros: (row) => row.latency_micros,
  upstreamLatencyMicros: (row) => row.upstream_latency_micros,
  inputBytes: (row) => row.input_bytes,
  outputBytes: (row) => row.output_bytes,
  costNanosUsd: (row) => row.cost_nanos_usd,
  sessionId: (row) => row.session_id,
  protocolVersion: (row) => row.protocol_version,
  clientName: (row) => row.client_name,
  clientVersion: (row) => row.client_version,
  clientIp: (row) => row.client_ip,
  traceId: (row) => row.trace_id,
  dataPlane: (row) => row.data_plane,
  agentId: (row) => row.agent_id,
  agentClientId: (row) => row.agent_client_id,
  dlpFindings: (row) => row.dlp_findings,
} as const satisfies ExportFields<UsageRow>;

export const USAGE_EXPORT_FORMS = exportForms(FIELDS);

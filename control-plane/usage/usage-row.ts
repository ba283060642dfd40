/** A usage record with its sidecar as SQL answers it. */
import { z } from 'zod';
import { DLP_OUTCOMES, dlpFindingSchema } from '../../shared/dlp.ts';

const pricingSchema = z.object({ callFemtosUsd: z.string(), inputByteFemtosUsd: z.string(), outputByteFemtosUsd: z.string(), isOverride: z.boolean() });

export const usageRowSchema = z.object({
  id: z.string(),
  request_id: z.string(),
  sequence: z.string(),
  occurred_at: z.coerce.date(),
  position: z.string(),
  data_plane: z.string(),
  team_id: z.string().nullable(),
  user_id: z.string().nullable(),
  user_domain: z.string().nullable(),
  api_key_id: z.string().nullable(),
  api_key_prefix: z.string().nullable(),
  status: z.number(),
  decision: z.enum(['ALLOWED', 'DENIED', 'ERRORED']),
  code: z.string().nullable(),
  reason: z.string().nullable(),
  message: z.string().nullable(),
  rule: z.object({ kind: z.string(), id: z.string().optional(), path: z.string() }).nullable(),
  observed: z.array(z.string()),
  retry_after_seconds: z.number().nullable(),
  latency_micros: z.string(),
  upstream_latency_micros: z.string().nullable(),
  input_bytes: z.string(),
  output_bytes: z.string(),
  cost_nanos_usd: z.string(),
  client_name: z.string().nullable(),
  client_version: z.string().nullable(),
  client_ip: z.string().nullable(),
  trace_id: z.string().nullable(),
  dlp_outcome: z.enum(DLP_OUTCOMES),
  agent_id: z.string().nullable(),
  agent_client_id: z.string().nullable(),
  dlp_findings: z.array(dlpFindingSchema),
  server_id: z.string().nullable(),
  server_slug: z.string().nullable(),
  transport: z.enum(['STREAMABLE_HTTP', 'SSE', 'STDIO']).nullable(),
  http_method: z.string(),
  rpc_method: z.string().nullable(),
  tool: z.string().nullable(),
  is_tool_error: z.boolean(),
  session_id: z.string().nullable(),
  protocol_version: z.string().nullable(),
  pricing: pricingSchema.nullable(),
  step: z.number().nullable(),
});
export type UsageRow = z.infer<typeof usageRowSchema>;

/** Numbers that JavaScript would round travel as text. */
export const USAGE_COLUMNS = `
  u.id, u.request_id, u.sequence::text as sequence, u.occurred_at, u.occurred_at::text || ' ' || u.id as position, u.data_plane, u.team_id, u.user_id, u.user_domain,
  u.api_key_id, u.api_key_prefix, u.status, u.decision, u.code, u.reason, u.message, u.rule, u.observed, u.retry_after_seconds,
  u.latency_micros::text as latency_micros, u.upstream_latency_micros::text as upstream_latency_micros, u.input_bytes::text as input_bytes,
  u.output_bytes::text as output_bytes, u.cost_nanos_usd::text as cost_nanos_usd, u.client_name, u.client_version, u.client_ip, u.trace_id, u.dlp_outcome, u.agent_id, u.agent_client_id,
  u.step, u.dlp_findings,
  m.server_id, m.server_slug, m.transport, m.http_method, m.rpc_method, m.tool, m.is_tool_error, m.session_id, m.protocol_version, m.pricing`;

/** The one table of refusals: every way Turnpike says no, with its HTTP status and the sentence that anyone may read. */

/**
 * Reasons per code follow `docs/refusals.md`. `scope: 'connection'` refusals always keep their HTTP status;
 * `scope: 'call'` refusals follow the denial style of the server or key.
 */
export const REFUSALS = {
  invalid_request: { status: 400, scope: 'connection', sentence: 'the request is not a valid MCP message' },
  unauthorized: { status: 401, scope: 'connection', sentence: 'a valid virtual API key is required' },
  budget_exceeded: { status: 402, scope: 'call', sentence: 'a budget that applies to this call is exhausted' },
  mcp_not_allowed: { status: 403, scope: 'connection', sentence: 'this key may not call this server' },
  mcp_guardrail_block: { status: 403, scope: 'call', sentence: 'a guardrail blocks this call' },
  mcp_not_found: { status: 404, scope: 'connection', sentence: 'no such MCP server' },
  method_not_allowed: { status: 405, scope: 'connection', sentence: 'this method is not allowed here' },
  payload_too_large: { status: 413, scope: 'connection', sentence: 'the message is larger than allowed' },
  unsupported_media_type: { status: 415, scope: 'connection', sentence: 'the content type is not supported' },
  rate_limit_exceeded: { status: 429, scope: 'call', sentence: 'too many requests' },
  quota_exceeded: { status: 429, scope: 'call', sentence: 'a quota that applies to this call is exhausted' },
  concurrency_exceeded: { status: 429, scope: 'call', sentence: 'too many calls at the same time' },
  client_closed_request: { status: 499, scope: 'connection', sentence: 'the caller went away before the answer was complete' },
  internal: { status: 500, scope: 'connection', sentence: 'Turnpike failed to handle the request' },
  not_bridgeable: { status: 501, scope: 'call', sentence: 'the revisions of client and MCP server have no common word for this' },
  upstream_error: { status: 502, scope: 'connection', sentence: 'the MCP server failed to answer' },
  upstream_auth_error: { status: 502, scope: 'connection', sentence: 'Turnpike could not authenticate to the MCP server' },
  missing_endpoint: { status: 502, scope: 'connection', sentence: 'the MCP server has no endpoint' },
  stdio_error: { status: 502, scope: 'connection', sentence: 'the MCP server process failed' },
  not_ready: { status: 503, scope: 'connection', sentence: 'Turnpike has no configuration yet' },
  counters_unavailable: { status: 503, scope: 'connection', sentence: 'limits cannot be checked now' },
  overloaded: { status: 503, scope: 'connection', sentence: 'Turnpike is at its capacity' },
  upstream_timeout: { status: 504, scope: 'connection', sentence: 'the MCP server did not answer in time' },
} as const satisfies Record<string, RefusalRow>;

interface RefusalRow {
  readonly status: number;
  readonly scope: 'connection' | 'call';
  readonly sentence: string;
}

export type RefusalCode = keyof typeof REFUSALS;

/** Reasons refine a code. They are what a program branches on, so each is spelled in one place: here. */
export const REASONS = {
  invalid_request: [
    'invalid_json',
    'ambiguous_json',
    'invalid_jsonrpc',
    'header_mismatch',
    'unsupported_protocol_version',
    'missing_metadata',
    'sessions_only',
    'invalid_path',
    'unsupported_method',
  ],
  unauthorized: ['missing_key', 'malformed_key', 'unknown_key', 'expired_key', 'revoked_key', 'disabled_key'],
  budget_exceeded: ['budget_exhausted'],
  mcp_not_allowed: ['no_grant', 'team_scope', 'key_scope', 'agent_not_mapped', 'ip_blocked', 'ip_not_allowed', 'origin_not_allowed', 'host_not_allowed'],
  mcp_guardrail_block: [
    'blocked_tool',
    'tool_not_allowed',
    'tool_disabled',
    'tool_changed',
    'tool_unreviewed',
    'semantic_filter',
    'web_search_policy',
    'loop_detected',
  ],
  mcp_not_found: ['unknown_server', 'server_disabled', 'unknown_session', 'unknown_path'],
  method_not_allowed: ['method_not_allowed'],
  payload_too_large: ['request_too_large'],
  unsupported_media_type: ['unsupported_media_type'],
  rate_limit_exceeded: ['request_rate', 'pre_auth_rate'],
  quota_exceeded: ['quota_exhausted'],
  concurrency_exceeded: ['concurrency'],
  client_closed_request: ['client_gone'],
  internal: ['internal'],
  not_bridgeable: ['method_without_counterpart', 'unanswerable_question', 'round_lost'],
  upstream_error: ['unreachable', 'connection_lost', 'bad_status', 'bad_answer', 'response_too_large', 'redirect_refused', 'address_refused', 'circuit_open'],
  upstream_auth_error: [
    'rejected_credentials',
    'credentials_unavailable',
    'sign_in_required',
    'sign_in_expired',
    'user_key_required',
    'credentials_missing',
    'credentials_malformed',
  ],
  missing_endpoint: ['missing_endpoint'],
  stdio_error: ['stdio_not_allowed', 'stdio_exited', 'stdio_unavailable', 'stdio_protocol', 'stdio_overloaded'],
  not_ready: ['no_configuration', 'stale_configuration', 'draining'],
  counters_unavailable: ['counters_unavailable', 'counters_rebuilding'],
  overloaded: ['concurrent_requests', 'usage_backlog'],
  upstream_timeout: ['connect_timeout', 'header_timeout', 'idle_timeout', 'total_timeout'],
} as const satisfies Record<RefusalCode, readonly [string, ...string[]]>;

export type RefusalReason<Code extends RefusalCode = RefusalCode> = (typeof REASONS)[Code][number];

/** Where a refusal is explained to whoever met it: each reason has a section of its own name. */
export function pageOfReason(reason: string): string {
  return `docs/refusals.md#${reason}`;
}

/** What the protocol itself has a code for, and clients of it branch on (MCP 2026-07-28, Error codes). */
const PROTOCOL_CODES: ReadonlyMap<string, number> = new Map<RefusalReason, number>([
  ['header_mismatch', -32_020],
  ['unsupported_protocol_version', -32_022],
  ['missing_metadata', -32_602],
  ['method_without_counterpart', -32_601],
]);

/** JSON-RPC `error.code` of a refusal: outside the range that JSON-RPC 2.0 section 5.1 reserves, but for what the protocol names. */
export function jsonRpcCodeOf(status: number, reason?: RefusalReason): number {
  return (reason === undefined ? undefined : PROTOCOL_CODES.get(reason)) ?? -33_000 - status;
}

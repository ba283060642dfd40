/** Builds recorded calls for simulations: whatever is not said is what most calls have. */
import type { RecordedCall } from '../../control-plane/simulation/recorded-calls.ts';
import { newId } from '../../shared/ids.ts';

export function recordedCall(atMillis: number, given: Partial<RecordedCall> = {}): RecordedCall {
  return {
    id: newId('usageRecord', atMillis),
    request_id: newId('request', atMillis),
    occurred_at: new Date(atMillis),
    position: '',
    latency_micros: 1000,
    api_key_id: 'key_1',
    api_key_prefix: 'vk_1',
    team_id: null,
    user_id: null,
    client_name: null,
    client_ip: '127.0.0.1',
    server_id: 'srv_1',
    server_slug: 'tools',
    http_method: 'POST',
    rpc_method: 'tools/call',
    tool: 'echo',
    decision: 'ALLOWED',
    code: null,
    reason: null,
    rule: null,
    step: null,
    input_bytes: 100,
    output_bytes: 200,
    cost_nanos_usd: '10',
    is_tool_error: false,
    pricing: null,
    ...given,
  };
}

/** A call that was refused at a step, by a rule. */
export function deniedCall(atMillis: number, step: number, [code, reason]: [string, string], given: Partial<RecordedCall> = {}): RecordedCall {
  return recordedCall(atMillis, { decision: 'DENIED', code, reason, step, output_bytes: 0, cost_nanos_usd: '0', ...given });
}

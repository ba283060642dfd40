/** A draft changes exactly the calls that data planes would have answered otherwise, had it been in force. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EVERYTHING, type Draft } from '../../../control-plane/simulation/draft.ts';
import { limitDraft } from '../../../control-plane/simulation/limit-draft.ts';
import { policyDraft } from '../../../control-plane/simulation/policy-draft.ts';
import { removedGrantsDraft, semanticFilterDraft, toolRulesDraft } from '../../../control-plane/simulation/rule-drafts.ts';
import { simulate, type Simulated } from '../../../control-plane/simulation/simulate.ts';
import { MemoryCounters } from '../../../data-plane/counters/memory-counters.ts';
import { compilePolicy } from '../../../data-plane/policies/compiled-policy.ts';
import type { PolicyEnvelope } from '../../../shared/policy.ts';
import { policy as policyConfig } from '../../support/domain.ts';
import { deniedCall, recordedCall } from '../../support/recorded-calls.ts';

const AT = Date.UTC(2026, 5, 15, 12);
const DAY = 86_400_000;

const draftOf = (policies: PolicyEnvelope['policies'], replacedId?: string): Draft => policyDraft({ envelope: { policies }, scope: EVERYTHING, replacedId });
const endingsOf = ({ changed }: Simulated) => changed.map(({ call, after }) => [call.occurred_at.getTime() - AT, after.decision, after.reason]);
const calls = (millis: readonly number[]) => millis.map((at) => recordedCall(AT + at));

describe('a policy', () => {
  test('refuses addresses and sizes, blocked ones first', () => {
    const draft = draftOf({
      ip: { allowlist: ['10.0.0.0/8'], blocklist: ['10.9.0.0/16'] },
      ratelimit: { payload: { max_request_bytes: 100, max_response_bytes: 150 } },
    });
    const recorded = [
      recordedCall(AT, { client_ip: '10.9.1.1' }),
      recordedCall(AT + 1, { client_ip: '192.0.2.1' }),
      recordedCall(AT + 2, { client_ip: '10.1.1.1', input_bytes: 101 }),
      recordedCall(AT + 3, { client_ip: '10.1.1.1', output_bytes: 151 }),
      recordedCall(AT + 4, { client_ip: '10.1.1.1', output_bytes: 150 }),
      recordedCall(AT + 5, { client_ip: null, output_bytes: 0 }),
    ];
    const simulated = simulate(recorded, draft, 0);
    expect(endingsOf(simulated)).toEqual([
      [0, 'DENIED', 'mcp_not_allowed/ip_blocked'],
      [1, 'DENIED', 'mcp_not_allowed/ip_not_allowed'],
      [2, 'DENIED', 'payload_too_large/request_too_large'],
      [3, 'ERRORED', 'upstream_error/response_too_large'],
    ]);
    expect(simulated).toMatchObject({ judged: 6, unknown: 1 });
  });

  test('counts rates exactly as data planes do, at the times of the records', async () => {
    const rates = fc.record({ limit: fc.integer({ min: 1, max: 6 }), burst: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }) });
    const gaps = fc.array(fc.integer({ min: 0, max: 40_000 }), { minLength: 1, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(rates, gaps, async ({ limit, burst }, between) => {
        const requests = { per_minute: limit, per_hour: 20, ...(burst === undefined ? {} : { burst }) };
        const envelope = { policies: { ratelimit: { requests } } };
        const times = between.map((_gap, index) => between.slice(0, index + 1).reduce((sum, gap) => sum + gap, 0));
        const refused = await refusedByCounters(envelope, times);
        const simulated = simulate(calls(times), draftOf(envelope.policies), 0);
        expect(simulated.changed.map(({ call }) => call.occurred_at.getTime() - AT)).toEqual(refused);
      }),
      { numRuns: 200 },
    );
  });

  test('counts what came before the range, and says nothing of it', () => {
    const draft = draftOf({ ratelimit: { requests: { per_hour: 2 } } });
    expect(draft.countsFrom(AT)).toBe(AT - 3_600_000);
    expect(endingsOf(simulate(calls([-2000, -1000, 0]), draft, AT))).toEqual([[0, 'DENIED', 'rate_limit_exceeded/request_rate']]);
  });

  test('lets through what the policy before it had refused, and counts it', () => {
    const rule = { kind: 'policy', id: 'pol_1', path: 'policies.ratelimit.requests.per_hour' };
    const denied = (at: number) => deniedCall(AT + at, 13, ['rate_limit_exceeded', 'request_rate'], { rule });
    const draft = draftOf({ ratelimit: { requests: { per_hour: 2 } } }, 'pol_1');
    expect(endingsOf(simulate([recordedCall(AT), denied(1), denied(2)], draft, 0))).toEqual([[1, 'ALLOWED', null]]);
    expect(endingsOf(simulate([recordedCall(AT), denied(1)], draftOf({ ratelimit: { requests: { per_hour: 2 } } }, 'pol_2'), 0))).toEqual([]);
  });

  test('changes nothing of what an earlier step refused, and charges what tool rules refused', () => {
    const draft = draftOf({ ip: { blocklist: ['127.0.0.1'] } });
    expect(endingsOf(simulate([deniedCall(AT, 6, ['unauthorized', 'expired_key'])], draft, 0))).toEqual([]);
    expect(endingsOf(simulate([deniedCall(AT, 12, ['mcp_guardrail_block', 'blocked_tool'])], draft, 0))).toEqual([[0, 'DENIED', 'mcp_not_allowed/ip_blocked']]);
    const blocked = (at: number) => deniedCall(AT + at, 12, ['mcp_guardrail_block', 'blocked_tool']);
    expect(endingsOf(simulate([blocked(0), blocked(1)], draftOf({ ratelimit: { requests: { per_day: 1 } } }), 0))).toEqual([
      [1, 'DENIED', 'rate_limit_exceeded/request_rate'],
    ]);
  });

  test('a record that does not name its step is not judged', () => {
    const old = recordedCall(AT, { decision: 'DENIED', code: 'unauthorized', reason: 'expired_key' });
    expect(simulate([old], draftOf({ ip: { blocklist: ['127.0.0.1'] } }), 0)).toMatchObject({ judged: 1, unknown: 1, changed: [] });
  });

  test('refuses calls that came while as many were under way', () => {
    const slow = (at: number) => recordedCall(AT + at, { latency_micros: 10_000_000 });
    const simulated = simulate([slow(0), slow(1000), slow(9999), slow(10_000)], draftOf({ ratelimit: { concurrency: { max: 1 } } }), 0);
    expect(endingsOf(simulated).map(([at]) => at)).toEqual([1000, 9999]);
  });
});

/** Which of the times, relative to the first moment, the counters of a data plane refuse. */
async function refusedByCounters(envelope: PolicyEnvelope, times: readonly number[]): Promise<number[]> {
  let now = 0;
  const counters = new MemoryCounters({ clock: { now: () => AT + now, elapsed: () => now } });
  const {
    rules: { rates },
  } = compilePolicy(policyConfig('org', { scope: 'ORGANISATION', ownerId: 'org', envelope }));
  const refused: number[] = [];
  for (const [index, at] of times.entries()) {
    now = at;
    const asked = { organisationId: 'org', requestId: String(index), rates, leases: [], holds: [], heldAmounts: [], intent: undefined };
    if ((await counters.admit(asked)).kind === 'refused') refused.push(at);
  }
  await counters.close(0);
  return refused;
}

describe('a budget or quota', () => {
  const schedule = { period: 'DAILY', timezone: 'UTC', rollover: false, tool: null } as const;

  test('ends each day when it is used up, and begins anew with the next', () => {
    const draft = limitDraft({ limit: { ...schedule, metric: 'TOOL_CALLS', amount: '2' }, scope: EVERYTHING, replacedId: undefined });
    const list = recordedCall(AT, { rpc_method: 'tools/list', tool: null });
    const simulated = simulate([list, ...calls([1, 2, 3, DAY, DAY + 1])], draft, 0);
    expect(endingsOf(simulated)).toEqual([[3, 'DENIED', 'quota_exceeded/quota_exhausted']]);
    expect(draft.countsFrom(AT)).toBe(Date.UTC(2026, 5, 15));
  });

  test('with rollover leaves its rest to the next day, and to no later one', () => {
    const draft = limitDraft({ limit: { ...schedule, metric: 'REQUESTS', amount: '2', rollover: true }, scope: EVERYTHING, replacedId: undefined });
    const simulated = simulate(calls([0, DAY, DAY + 1, DAY + 2, DAY + 3, 2 * DAY, 2 * DAY + 1, 2 * DAY + 2]), draft, 0);
    expect(endingsOf(simulated).map(([at]) => at)).toEqual([DAY + 3, 2 * DAY + 2]);
  });

  test('of money counts what calls cost, and needs what the shortest answer would', () => {
    const pricing = { callFemtosUsd: '1000000', inputByteFemtosUsd: '0', outputByteFemtosUsd: '1000000' };
    const priced = (at: number, bytes: number) => recordedCall(AT + at, { pricing, output_bytes: bytes, cost_nanos_usd: String(1 + bytes) });
    const draft = limitDraft({ limit: { ...schedule, metric: 'NANO_USD', amount: '3000' }, scope: EVERYTHING, replacedId: undefined });
    // The second leaves 1,000 nanos, and 1,024 bytes of an answer cost more.
    expect(endingsOf(simulate([priced(0, 999), priced(1, 999), priced(2, 1)], draft, 0))).toEqual([[2, 'DENIED', 'budget_exceeded/budget_exhausted']]);
  });

  test('that is raised lets through what it had refused', () => {
    const rule = { kind: 'limit', id: 'lim_1', path: 'amount' };
    const denied = deniedCall(AT + 1, 13, ['quota_exceeded', 'quota_exhausted'], { rule });
    const draft = limitDraft({ limit: { ...schedule, metric: 'TOOL_CALLS', amount: '2' }, scope: EVERYTHING, replacedId: 'lim_1' });
    expect(endingsOf(simulate([recordedCall(AT), denied], draft, 0))).toEqual([[1, 'ALLOWED', null]]);
  });
});

describe('other drafts', () => {
  test('tool rules judge names as data planes do', () => {
    const rule = { kind: 'mcpServer', id: 'srv_1', path: 'blockedTools' };
    const recorded = [
      recordedCall(AT, { tool: 'DELETE_FILE' }),
      recordedCall(AT + 1, { tool: 'echo' }),
      deniedCall(AT + 2, 12, ['mcp_guardrail_block', 'blocked_tool'], { rule, tool: 'slow' }),
      recordedCall(AT + 3, { tool: null, rpc_method: 'tools/list' }),
    ];
    expect(endingsOf(simulate(recorded, toolRulesDraft('srv_1', { allowedTools: [], blockedTools: ['delete_file'] }), 0))).toEqual([
      [0, 'DENIED', 'mcp_guardrail_block/blocked_tool'],
      [2, 'ALLOWED', null],
    ]);
  });

  test('a grant that is taken away ends its calls', () => {
    expect(endingsOf(simulate(calls([0]), removedGrantsDraft([{ apiKeyId: 'key_1', serverId: 'srv_1' }]), 0))).toEqual([
      [0, 'DENIED', 'mcp_not_allowed/no_grant'],
    ]);
  });

  test('a filter is not judged by what nobody recorded; one that is taken away refuses nothing more', () => {
    const rule = { kind: 'mcpServer', id: 'srv_1', path: 'semanticFilter.blockedKeywords' };
    const denied = deniedCall(AT, 12, ['mcp_guardrail_block', 'semantic_filter'], { rule });
    expect(simulate([denied, recordedCall(AT + 1)], semanticFilterDraft('srv_1', { isEmpty: false }), 0)).toMatchObject({ judged: 2, unknown: 2 });
    expect(endingsOf(simulate([denied, recordedCall(AT + 1)], semanticFilterDraft('srv_1', { isEmpty: true }), 0))).toEqual([[0, 'ALLOWED', null]]);
  });
});

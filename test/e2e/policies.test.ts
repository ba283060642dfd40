/** Policies end to end: every scope holds, what only observes lets pass and says so, and loops are broken, over real counters in Redis. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { listTools, refusalOf, toolCall, type WireAnswer } from '../support/gateway-client.ts';
import { GOVERNED_STACK_MILLIS, startGovernedStack, type Governed, type GovernedStack } from '../support/governed-stack.ts';
import { eventually } from '../support/processes.ts';

let stack: GovernedStack;

beforeAll(async () => {
  stack = await startGovernedStack();
}, GOVERNED_STACK_MILLIS);
afterAll(() => stack?.close());

async function setPolicy(input: Record<string, unknown>): Promise<string | undefined> {
  const payload = await stack.admin.mutate('setPolicy', 'SetPolicyInput', input, 'policy { id }');
  await stack.settled();
  return z.object({ id: z.string() }).nullable().parse(payload['policy'])?.id;
}

const recordSchema = z.object({
  decision: z.string(),
  observed: z.array(z.string()),
  wouldHave: z.array(z.object({ code: z.string(), reason: z.string(), rule: z.object({ id: z.string().nullable(), path: z.string() }).nullable() })),
});

const RECORD = 'decision observed wouldHave { code reason rule { id path } }';
const recordOf = ({ headers }: WireAnswer) => stack.recordOf(headers.get('turnpike-request-id') ?? '', RECORD, recordSchema);

const call = ({ slug, key }: Governed, tool = 'echo', args: Record<string, unknown> = { message: 'hi' }) =>
  stack.gateway.send(slug, { key, body: toolCall(tool, args) });

describe('a policy that only observes', () => {
  test('lets every call pass, and each record says what it would have done, by which rule', async () => {
    const pair = await stack.governed();
    const policyId = await setPolicy({
      scope: 'API_KEY',
      ownerId: pair.keyId,
      mode: 'OBSERVE',
      policies: {
        ip: { blocklist: ['127.0.0.0/8', '::1'] },
        ratelimit: { requests: { per_minute: 1 }, payload: { max_request_bytes: 10, max_response_bytes: 10 }, concurrency: { max: 0 } },
        loops: { repeated_calls: { max: 1, within_seconds: 60 } },
      },
    });
    expect((await call(pair)).status).toBe(200);
    const answer = await call(pair);
    expect(answer.status).toBe(200);
    const { decision, wouldHave, observed } = await recordOf(answer);
    expect(decision).toBe('ALLOWED');
    expect(wouldHave).toEqual(
      [
        ['MCP_NOT_ALLOWED', 'ip_blocked', 'ip.blocklist'],
        ['PAYLOAD_TOO_LARGE', 'request_too_large', 'ratelimit.payload.max_request_bytes'],
        ['RATE_LIMIT_EXCEEDED', 'request_rate', 'ratelimit.requests.per_minute'],
        ['CONCURRENCY_EXCEEDED', 'concurrency', 'ratelimit.concurrency.max'],
        ['MCP_GUARDRAIL_BLOCK', 'loop_detected', 'loops.repeated_calls'],
        ['UPSTREAM_ERROR', 'response_too_large', 'ratelimit.payload.max_response_bytes'],
      ].map(([code, reason, path]) => ({ code, reason, rule: { id: policyId, path: `policies.${path}` } })),
    );
    expect(observed).toContain('rate_limit_exceeded/request_rate');
    const range = { gte: new Date(Date.now() - 600_000).toISOString() };
    const countOf = async (filter: Record<string, unknown>) => {
      const query = 'query($filter: UsageFilter!) { usageRecords(filter: $filter) { nodes { requestId } } }';
      const { usageRecords } = await stack.admin.query(query, { filter: { range, apiKeyId: [pair.keyId], ...filter } });
      return z.object({ nodes: z.array(z.unknown()) }).parse(usageRecords).nodes.length;
    };
    expect(await countOf({ isObserved: true })).toBe(2);
    expect(await countOf({ isObserved: false })).toBe(0);
    expect(await countOf({ observedReason: ['request_rate'] })).toBe(1);
    expect(await countOf({ observedRuleId: [policyId], observedReason: ['concurrency'] })).toBe(2);
    expect(await countOf({ observedRuleId: [pair.serverId] })).toBe(0);
  });

  test('that is tried out beside one in force leaves that as it is, and is enforced once it takes its place', async () => {
    const pair = await stack.governed();
    const owner = { scope: 'MCP_SERVER', ownerId: pair.serverId };
    const requests = (limit: number) => ({ ratelimit: { requests: { per_hour: limit } } });
    const policyId = await setPolicy({ ...owner, policies: requests(3), trial: requests(1) });
    expect((await recordOf(await call(pair))).observed).toEqual([]);
    expect((await recordOf(await call(pair))).wouldHave).toMatchObject([
      { reason: 'request_rate', rule: { id: policyId, path: 'trial.ratelimit.requests.per_hour' } },
    ]);
    expect((await call(pair)).status).toBe(200);
    expect(refusalOf(await call(pair)).data).toMatchObject({ code: 'rate_limit_exceeded', limit: 3, rule: 'policies.ratelimit.requests.per_hour' });
    await setPolicy({ ...owner, policies: requests(1) });
    expect(refusalOf(await call(pair)).data).toMatchObject({ limit: 1, scope: 'MCP_SERVER' });
    expect(await setPolicy({ ...owner, policies: {} })).toBeUndefined();
    expect((await call(pair)).status).toBe(200);
  });

  test('a budget that only observes says so on the record', async () => {
    const pair = await stack.governed();
    await stack.admin.mutate('setPricing', 'SetPricingInput', { serverId: pair.serverId, pricing: { usdPerMillionCalls: '1000000' } }, 'server { id }');
    const schedule = { period: 'DAILY', timezone: 'UTC' };
    const budget = { name: 'small', ownerType: 'MCP_SERVER', ownerId: pair.serverId, limitUsd: '0.01', schedule, mode: 'OBSERVE' };
    await stack.admin.mutate('createBudget', 'BudgetInput', budget, 'budget { id }');
    await stack.settled();
    // While windows are opened, limits that only observe are left aside.
    const wouldHave = await eventually(async () => {
      const answer = await call(pair);
      expect(answer.status).toBe(200);
      const record = await recordOf(answer);
      return record.wouldHave.length === 0 ? undefined : record.wouldHave;
    }, 'the budget being counted');
    expect(wouldHave).toMatchObject([{ code: 'BUDGET_EXCEEDED', reason: 'budget_exhausted', rule: { path: 'amount' } }]);
  });
});

describe('loops', () => {
  test('the same call over and over is refused until the window is over, whatever the order of its arguments; other calls go on', async () => {
    const pair = await stack.governed();
    await setPolicy({ scope: 'API_KEY', ownerId: pair.keyId, policies: { loops: { repeated_calls: { max: 2, within_seconds: 600 } } } });
    expect((await call(pair, 'echo', { message: 'a', x: 1 })).status).toBe(200);
    expect((await call(pair, 'echo', { x: 1, message: 'a' })).status).toBe(200);
    const refused = await call(pair, 'echo', { message: 'a', x: 1.0 });
    const { data } = refusalOf(refused);
    expect(data).toMatchObject({
      code: 'mcp_guardrail_block',
      reason: 'loop_detected',
      status: 403,
      tool: 'echo',
      limit: 2,
      rule: 'policies.loops.repeated_calls',
    });
    expect(Date.parse(String(data['resetAt']))).toBeGreaterThan(Date.now());
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await call(pair, 'echo', { message: 'b', x: 1 })).status).toBe(200);
    expect((await stack.gateway.send(pair.slug, { key: pair.key, body: listTools() })).status).toBe(200);
    expect((await recordOf(refused)).decision).toBe('DENIED');
  });

  test('a tool that keeps failing is left alone for a while; another tool is not', async () => {
    const pair = await stack.governed();
    await setPolicy({ scope: 'ORGANISATION', policies: { loops: { error_streak: { max: 3, reset_seconds: 600 } } } });
    let calls = 0;
    const reasons = await eventually(async () => {
      const answer = await call(pair, 'fail', { n: calls++ });
      return answer.status === 403 ? refusalOf(answer).data.reason : undefined;
    }, 'the streak being broken');
    expect(reasons).toBe('loop_detected');
    expect((await call(pair)).status).toBe(200);
    await setPolicy({ scope: 'ORGANISATION', policies: {} });
  });

  test('a key that calls ever more tools is stopped, and may go on with those that it has', async () => {
    const pair = await stack.governed();
    await setPolicy({ scope: 'API_KEY', ownerId: pair.keyId, policies: { loops: { fan_out: { max_tools: 2, within_seconds: 600 } } } });
    await call(pair, 'echo');
    await call(pair, 'other');
    expect(refusalOf(await call(pair, 'third')).data).toMatchObject({ reason: 'loop_detected', used: 2, rule: 'policies.loops.fan_out' });
    expect((await call(pair)).status).toBe(200);
  });
});

/** What explainAccess says is what the call itself is then answered. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ACCESS_STEPS } from '../../../shared/access-steps.ts';
import { startExplainingPlanes, type ExplainingPlanes, type MadeCall, type Party, type ToldExplanation } from '../../support/explaining.ts';

let rig: ExplainingPlanes;

beforeAll(async () => {
  rig = await startExplainingPlanes();
}, 120_000);
afterAll(() => rig?.close());

type Input = Parameters<ExplainingPlanes['call']>[1];

interface Situation {
  readonly reason: string;
  readonly step: (typeof ACCESS_STEPS)[number];
  readonly arrange: () => Promise<Party>;
  readonly input?: Input;
}

const SITUATIONS: readonly Situation[] = [
  {
    reason: 'UNAUTHORIZED/revoked_key',
    step: 'authenticateKey',
    arrange: () => rig.partyAfter('revokeApiKey', 'IdInput', ({ apiKeyId }) => ({ id: apiKeyId })),
  },
  {
    reason: 'UNAUTHORIZED/disabled_key',
    step: 'authenticateKey',
    arrange: () => rig.partyAfter('setApiKeyDisabled', 'SetApiKeyDisabledInput', ({ apiKeyId }) => ({ id: apiKeyId, disabled: true })),
  },
  {
    reason: 'MCP_NOT_ALLOWED/team_scope',
    step: 'checkAccessGrant',
    arrange: async () => {
      const party = await rig.party();
      const { upsertTeam } = await rig.planes.control.admin.query('mutation { upsertTeam(input: {name: "Others", slug: "others"}) { team { id } } }');
      const { team } = z.object({ team: z.object({ id: z.string() }) }).parse(upsertTeam);
      await rig.change('updateServer', 'UpdateServerInput', { id: party.serverId, scope: { teamId: team.id } });
      await rig.settled();
      return party;
    },
  },
  {
    reason: 'MCP_NOT_FOUND/server_disabled',
    step: 'requireEnabled',
    arrange: () => rig.partyAfter('setServerEnabled', 'SetEnabledInput', ({ serverId }) => ({ id: serverId, enabled: false })),
  },
  {
    reason: 'MCP_NOT_ALLOWED/no_grant',
    step: 'checkAccessGrant',
    arrange: () => rig.partyAfter('setGrants', 'SetGrantsInput', ({ grantId }) => ({ remove: [grantId] })),
  },
  {
    reason: 'MCP_NOT_ALLOWED/key_scope',
    step: 'checkAccessGrant',
    arrange: async () => {
      const [party, other] = [await rig.party(), await rig.party()];
      await rig.change('updateServer', 'UpdateServerInput', { id: party.serverId, scope: { apiKeyId: other.apiKeyId } });
      await rig.settled();
      return party;
    },
  },
  { reason: 'MCP_NOT_ALLOWED/ip_blocked', step: 'enforcePolicy', arrange: () => rig.partyWithPolicy({ ip: { blocklist: ['127.0.0.0/8'] } }) },
  { reason: 'MCP_NOT_ALLOWED/ip_not_allowed', step: 'enforcePolicy', arrange: () => rig.partyWithPolicy({ ip: { allowlist: ['10.0.0.0/8'] } }) },
  {
    reason: 'PAYLOAD_TOO_LARGE/request_too_large',
    step: 'enforcePolicy',
    arrange: () => rig.partyWithPolicy({ ratelimit: { payload: { max_request_bytes: 500 } } }),
    input: { inputBytes: 501 },
  },
  { reason: 'MCP_GUARDRAIL_BLOCK/blocked_tool', step: 'applyToolRules', arrange: () => rig.party({ blockedTools: ['echo'] }) },
  { reason: 'MCP_GUARDRAIL_BLOCK/tool_not_allowed', step: 'applyToolRules', arrange: () => rig.party({ allowedTools: ['other'] }) },
  {
    reason: 'MCP_GUARDRAIL_BLOCK/tool_not_allowed',
    step: 'applyToolRules',
    arrange: () => rig.partyAfter('setGrants', 'SetGrantsInput', ({ apiKeyId, serverId }) => ({ add: [{ apiKeyId, serverId, toolsAllowed: ['slow'] }] })),
  },
  {
    reason: 'MCP_GUARDRAIL_BLOCK/tool_disabled',
    step: 'applyToolRules',
    arrange: async () => {
      const party = await rig.party();
      await rig.change('discoverTools', 'IdInput', { id: party.serverId });
      await rig.change('setToolsEnabled', 'SetToolsEnabledInput', { serverId: party.serverId, tools: ['echo'], enabled: false });
      await rig.settled();
      return party;
    },
  },
  {
    reason: 'MCP_GUARDRAIL_BLOCK/tool_unreviewed',
    step: 'applyToolRules',
    arrange: () => rig.partyAfter('setToolReview', 'SetToolReviewInput', ({ serverId }) => ({ id: serverId, review: 'ALL' })),
  },
  {
    reason: 'MCP_GUARDRAIL_BLOCK/semantic_filter',
    step: 'applyToolRules',
    arrange: () => rig.party({ semanticFilter: { blockedKeywords: ['hush'] } }),
    input: { arguments: { message: 'hush now' } },
  },
  {
    reason: 'RATE_LIMIT_EXCEEDED/request_rate',
    step: 'reserveSpend',
    arrange: async () => {
      const party = await rig.partyWithPolicy({ ratelimit: { requests: { per_day: 2 } } });
      await Promise.all([rig.call(party), rig.call(party)]);
      return party;
    },
  },
  {
    reason: 'RATE_LIMIT_EXCEEDED/request_rate',
    step: 'reconcileRateLimit',
    arrange: async () => {
      const party = await rig.party({ blockedTools: ['other'] });
      await rig.change('setPolicy', 'SetPolicyInput', { scope: 'API_KEY', ownerId: party.apiKeyId, policies: { ratelimit: { requests: { per_day: 1 } } } });
      await rig.settled();
      await rig.call(party);
      return party;
    },
    input: { tool: 'other' },
  },
  { reason: 'CONCURRENCY_EXCEEDED/concurrency', step: 'reserveSpend', arrange: () => rig.partyWithPolicy({ ratelimit: { concurrency: { max: 0 } } }) },
  {
    reason: 'MCP_GUARDRAIL_BLOCK/loop_detected',
    step: 'reserveSpend',
    arrange: async () => {
      const party = await rig.partyWithPolicy({ loops: { repeated_calls: { max: 1, within_seconds: 600 } } });
      await rig.call(party);
      return party;
    },
  },
  {
    reason: 'QUOTA_EXCEEDED/quota_exhausted',
    step: 'reserveSpend',
    arrange: async () => {
      const party = await rig.partyWithQuota('1', 'TOOL_CALLS');
      await rig.call(party);
      return party;
    },
  },
  {
    reason: 'BUDGET_EXCEEDED/budget_exhausted',
    step: 'reserveSpend',
    arrange: async () => {
      const party = await rig.party();
      await rig.change('setPricing', 'SetPricingInput', { serverId: party.serverId, pricing: { usdPerMillionCalls: '1000000' } });
      const schedule = { period: 'DAILY', timezone: 'UTC' };
      await rig.change('createBudget', 'BudgetInput', { name: 'b', ownerType: 'API_KEY', ownerId: party.apiKeyId, limitUsd: '0.5', schedule });
      await rig.settled();
      return party;
    },
  },
];

/** Ids and moments are others in each of two requests that are a moment apart. */
const withoutMoment = (text: string): string =>
  text
    .replaceAll(/req_\w+/g, 'req')
    .replaceAll(/"resetAt":"[^"]*"/g, '"resetAt":""')
    .replaceAll(/"retry_after":\d+/g, '"retry_after":0')
    .replaceAll(/^Retry-After \d+$/gim, 'Retry-After 0');

function withoutMomentOfStep({ detail, ...step }: ToldExplanation['trace']['steps'][number]): unknown {
  return { ...step, detail: step.outcome === 'DENY' ? detail : null };
}

function expectSame(told: ToldExplanation, made: MadeCall): void {
  const { responsePreview } = told;
  expect(withoutMoment(made.text)).toBe(withoutMoment(responsePreview?.body ?? 'the server answers'));
  expect(made.status).toBe(responsePreview?.status);
  expect(made.denial).toBe(responsePreview?.headers.find(({ name }) => name === 'Turnpike-Denial')?.value);
}

describe('a refused call', () => {
  test.each(SITUATIONS)('$reason is explained at $step as it is refused', async ({ reason, step, arrange, input = {} }) => {
    const party = await arrange();
    const told = await rig.explain(party, input);
    const again = await rig.explain(party, input);
    expect(`${told.denial?.code}/${told.denial?.reason}`).toBe(reason);
    expect(told.trace.steps.map(({ name }) => name)).toEqual(ACCESS_STEPS);
    expect(told.trace.steps.filter(({ outcome }) => outcome === 'DENY').map(({ name }) => name)).toEqual([step]);
    expect(again.denial).toEqual(told.denial);
    const before = rig.upstream.seen.length;
    const made = await rig.call(party, input);
    expectSame(told, made);
    expect(rig.upstream.seen.length).toBe(before);
    const recorded = await rig.traceOf(made.requestId);
    const explained = told.trace.steps.map(withoutMomentOfStep);
    // What closes the books of a call is part of its record, and an explanation has none.
    expect(recorded?.steps.slice(0, 15).map(withoutMomentOfStep)).toEqual(explained.slice(0, 15));
  });
});

const TOOLS = ['echo', 'delete_file', 'slow'];
const someTools = fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.subarray(TOOLS, { minLength: 1 }) });
const configuration = fc.record({
  blockedTools: someTools,
  allowedTools: someTools,
  granted: fc.option(fc.subarray(TOOLS, { minLength: 1 })),
  blocklist: fc.constantFrom([], [], ['127.0.0.1']),
  requestBytes: fc.constantFrom(undefined, undefined, 100, 150),
  perDay: fc.constantFrom(undefined, 0, 1, 2),
  quota: fc.constantFrom(undefined, '0', '1', '2'),
  calls: fc.array(fc.constantFrom(...TOOLS), { minLength: 4, maxLength: 4 }),
});

test('whatever is configured, every call is explained as it is then answered', async () => {
  await fc.assert(
    fc.asyncProperty(configuration, async ({ blockedTools, allowedTools, granted, blocklist, requestBytes, perDay, quota, calls }) => {
      const party = await rig.party({ blockedTools, allowedTools });
      await rig.change('setGrants', 'SetGrantsInput', { add: [{ apiKeyId: party.apiKeyId, serverId: party.serverId, toolsAllowed: granted }] });
      const policies = { ip: { blocklist }, ratelimit: { requests: { per_day: perDay }, payload: { max_request_bytes: requestBytes } } };
      await rig.change('setPolicy', 'SetPolicyInput', { scope: 'API_KEY', ownerId: party.apiKeyId, policies, mayDenyAll: true });
      const schedule = { period: 'DAILY', timezone: 'UTC' };
      const limit = { name: 'q', ownerType: 'API_KEY', ownerId: party.apiKeyId, metric: 'TOOL_CALLS', schedule };
      if (quota !== undefined) await rig.change('createQuota', 'QuotaInput', { ...limit, limit: quota });
      await rig.settled();
      for (const tool of calls) {
        const told = await rig.explain(party, { tool });
        const made = await rig.call(party, { tool });
        expect(told.allowed).toBe(made.denial === null);
        if (!told.allowed) expectSame(told, made);
        // What the call used up must have been counted before the next one is explained.
        if (told.allowed) await rig.traceOf(made.requestId);
      }
    }),
    { numRuns: 15 },
  );
}, 60_000);

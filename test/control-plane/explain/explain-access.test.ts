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

const change = (name: string, type: string, input: Record<string, unknown>) => rig.planes.control.admin.mutate(name, type, input, '__typename');

async function withPolicy(policies: unknown): Promise<Party> {
  const party = await rig.party();
  await change('setPolicy', 'SetPolicyInput', { scope: 'API_KEY', ownerId: party.apiKeyId, policies, mayDenyAll: true });
  await rig.settled();
  return party;
}

async function withQuota(amount: string, metric: string, limit: Record<string, unknown> = {}): Promise<Party> {
  const party = await rig.party();
  const schedule = { period: 'DAILY', timezone: 'UTC' };
  await change('createQuota', 'QuotaInput', { name: 'q', ownerType: 'API_KEY', ownerId: party.apiKeyId, metric, limit: amount, schedule, ...limit });
  await rig.settled();
  return party;
}

const SITUATIONS: readonly Situation[] = [
  {
    reason: 'UNAUTHORIZED/revoked_key',
    step: 'authenticateKey',
    arrange: async () => {
      const party = await rig.party();
      await change('revokeApiKey', 'IdInput', { id: party.apiKeyId });
      await rig.settled();
      return party;
    },
  },
  {
    reason: 'UNAUTHORIZED/disabled_key',
    step: 'authenticateKey',
    arrange: async () => {
      const party = await rig.party();
      await change('setApiKeyDisabled', 'SetApiKeyDisabledInput', { id: party.apiKeyId, disabled: true });
      await rig.settled();
      return party;
    },
  },
  {
    reason: 'MCP_NOT_ALLOWED/team_scope',
    step: 'checkAccessGrant',
    arrange: async () => {
      const party = await rig.party();
      const { upsertTeam } = await rig.planes.control.admin.query('mutation { upsertTeam(input: {name: "Others", slug: "others"}) { team { id } } }');
      const { team } = z.object({ team: z.object({ id: z.string() }) }).parse(upsertTeam);
      await change('updateServer', 'UpdateServerInput', { id: party.serverId, scope: { teamId: team.id } });
      await rig.settled();
      return party;
    },
  },
  {
    reason: 'MCP_NOT_FOUND/server_disabled',
    step: 'requireEnabled',
    arrange: async () => {
      const party = await rig.party();
      await change('setServerEnabled', 'SetEnabledInput', { id: party.serverId, enabled: false });
      await rig.settled();
      return party;
    },
  },
  {
    reason: 'MCP_NOT_ALLOWED/no_grant',
    step: 'checkAccessGrant',
    arrange: async () => {
      const party = await rig.party();
      await change('setGrants', 'SetGrantsInput', { remove: [party.grantId] });
      await rig.settled();
      return party;
    },
  },
  {
    reason: 'MCP_NOT_ALLOWED/key_scope',
    step: 'checkAccessGrant',
    arrange: async () => {
      const [party, other] = [await rig.party(), await rig.party()];
      await change('updateServer', 'UpdateServerInput', { id: party.serverId, scope: { apiKeyId: other.apiKeyId } });
      await rig.settled();
      return party;
    },
  },
  { reason: 'MCP_NOT_ALLOWED/ip_blocked', step: 'enforcePolicy', arrange: () => withPolicy({ ip: { blocklist: ['127.0.0.0/8'] } }) },
  { reason: 'MCP_NOT_ALLOWED/ip_not_allowed', step: 'enforcePolicy', arrange: () => withPolicy({ ip: { allowlist: ['10.0.0.0/8'] } }) },
  {
    reason: 'PAYLOAD_TOO_LARGE/request_too_large',
    step: 'enforcePolicy',
    arrange: () => withPolicy({ ratelimit: { payload: { max_request_bytes: 500 } } }),
    input: { inputBytes: 501 },
  },
  { reason: 'MCP_GUARDRAIL_BLOCK/blocked_tool', step: 'applyToolRules', arrange: () => rig.party({ blockedTools: ['echo'] }) },
  { reason: 'MCP_GUARDRAIL_BLOCK/tool_not_allowed', step: 'applyToolRules', arrange: () => rig.party({ allowedTools: ['other'] }) },
  {
    reason: 'MCP_GUARDRAIL_BLOCK/tool_not_allowed',
    step: 'applyToolRules',
    arrange: async () => {
      const party = await rig.party();
      await change('setGrants', 'SetGrantsInput', { add: [{ apiKeyId: party.apiKeyId, serverId: party.serverId, toolsAllowed: ['slow'] }] });
      await rig.settled();
      return party;
    },
  },
  {
    reason: 'MCP_GUARDRAIL_BLOCK/tool_disabled',
    step: 'applyToolRules',
    arrange: async () => {
      const party = await rig.party();
      await change('discoverTools', 'IdInput', { id: party.serverId });
      await change('setToolsEnabled', 'SetToolsEnabledInput', { serverId: party.serverId, tools: ['echo'], enabled: false });
      await rig.settled();
      return party;
    },
  },
  {
    reason: 'MCP_GUARDRAIL_BLOCK/tool_unreviewed',
    step: 'applyToolRules',
    arrange: async () => {
      const party = await rig.party();
      await change('setToolReview', 'SetToolReviewInput', { id: party.serverId, review: 'ALL' });
      await rig.settled();
      return party;
    },
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
      const party = await withPolicy({ ratelimit: { requests: { per_day: 2 } } });
      await Promise.all([rig.call(party), rig.call(party)]);
      return party;
    },
  },
  {
    reason: 'RATE_LIMIT_EXCEEDED/request_rate',
    step: 'reconcileRateLimit',
    arrange: async () => {
      const party = await rig.party({ blockedTools: ['other'] });
      await change('setPolicy', 'SetPolicyInput', { scope: 'API_KEY', ownerId: party.apiKeyId, policies: { ratelimit: { requests: { per_day: 1 } } } });
      await rig.settled();
      await rig.call(party);
      return party;
    },
    input: { tool: 'other' },
  },
  { reason: 'CONCURRENCY_EXCEEDED/concurrency', step: 'reserveSpend', arrange: () => withPolicy({ ratelimit: { concurrency: { max: 0 } } }) },
  {
    reason: 'MCP_GUARDRAIL_BLOCK/loop_detected',
    step: 'reserveSpend',
    arrange: async () => {
      const party = await withPolicy({ loops: { repeated_calls: { max: 1, within_seconds: 600 } } });
      await rig.call(party);
      return party;
    },
  },
  {
    reason: 'QUOTA_EXCEEDED/quota_exhausted',
    step: 'reserveSpend',
    arrange: async () => {
      const party = await withQuota('1', 'TOOL_CALLS');
      await rig.call(party);
      return party;
    },
  },
  {
    reason: 'BUDGET_EXCEEDED/budget_exhausted',
    step: 'reserveSpend',
    arrange: async () => {
      const party = await rig.party();
      await change('setPricing', 'SetPricingInput', { serverId: party.serverId, pricing: { usdPerMillionCalls: '1000000' } });
      const schedule = { period: 'DAILY', timezone: 'UTC' };
      await change('createBudget', 'BudgetInput', { name: 'b', ownerType: 'API_KEY', ownerId: party.apiKeyId, limitUsd: '0.5', schedule });
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
      await change('setGrants', 'SetGrantsInput', { add: [{ apiKeyId: party.apiKeyId, serverId: party.serverId, toolsAllowed: granted }] });
      const policies = { ip: { blocklist }, ratelimit: { requests: { per_day: perDay }, payload: { max_request_bytes: requestBytes } } };
      await change('setPolicy', 'SetPolicyInput', { scope: 'API_KEY', ownerId: party.apiKeyId, policies, mayDenyAll: true });
      const schedule = { period: 'DAILY', timezone: 'UTC' };
      const limit = { name: 'q', ownerType: 'API_KEY', ownerId: party.apiKeyId, metric: 'TOOL_CALLS', schedule };
      if (quota !== undefined) await change('createQuota', 'QuotaInput', { ...limit, limit: quota });
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

describe('an allowed call', () => {
  test('is explained as allowed, with its price and what is left, and reaches no server', async () => {
    const party = await withQuota('10', 'TOOL_CALLS');
    await rig.call(party);
    const before = rig.upstream.seen.length;
    const told = await rig.explain(party);
    expect(told).toMatchObject({ allowed: true, httpStatus: 200, denial: null, responsePreview: null });
    expect(told.trace.steps.slice(0, 13).every(({ outcome }) => outcome === 'PASS')).toBe(true);
    expect(told.trace.steps[13]).toMatchObject({ name: 'proxyUpstream', outcome: 'SKIPPED' });
    expect(told.limits).toEqual([{ kind: 'QUOTA', metric: 'TOOL_CALLS', limit: '10', used: '1', reserved: '0', remaining: '9', asked: '1' }]);
    expect(rig.upstream.seen.length).toBe(before);
    expect((await rig.call(party)).denial).toBeNull();
  });

  test('that a rule only observes passes, and the step says so', async () => {
    const party = await rig.party();
    await change('setToolRules', 'SetToolRulesInput', { id: party.serverId, allowedTools: [], blockedTools: ['echo'], mode: 'OBSERVE' });
    await rig.settled();
    const { allowed, trace } = await rig.explain(party);
    expect(allowed).toBe(true);
    expect(trace.steps[11]).toMatchObject({ outcome: 'OBSERVE', reason: 'mcp_guardrail_block/blocked_tool' });
  });

  test('may be one of another moment: a key that has expired by then is refused', async () => {
    const party = await rig.party({}, { expiresAt: new Date(Date.now() + 3_600_000).toISOString() });
    expect((await rig.explain(party)).allowed).toBe(true);
    const later = await rig.explain(party, { at: new Date(Date.now() + 7_200_000).toISOString() });
    expect(later.denial).toMatchObject({ code: 'UNAUTHORIZED', reason: 'expired_key' });
  });

  test('may come from elsewhere', async () => {
    const party = await withPolicy({ ip: { allowlist: ['10.0.0.0/8'] } });
    expect((await rig.explain(party, { clientIp: '10.1.2.3' })).allowed).toBe(true);
  });
});

test('a call that only an observing rule had something against has a trace, and any other allowed one has none', async () => {
  const party = await rig.party();
  expect(await rig.traceOf((await rig.call(party)).requestId)).toBeNull();
  await change('setToolRules', 'SetToolRulesInput', { id: party.serverId, allowedTools: [], blockedTools: ['echo'], mode: 'OBSERVE' });
  await rig.settled();
  const trace = await rig.traceOf((await rig.call(party)).requestId);
  expect(trace?.steps.filter(({ outcome }) => outcome !== 'PASS')).toMatchObject([
    { name: 'applyToolRules', outcome: 'OBSERVE', reason: 'mcp_guardrail_block/blocked_tool' },
    { name: 'reconcileRateLimit', outcome: 'SKIPPED' },
  ]);
});

test('an explanation shows the policies that govern the call, merged', async () => {
  const { apiKeyId, serverId } = await withPolicy({ ratelimit: { requests: { per_minute: 77 } } });
  const query = `query($input: ExplainAccessInput!) { explainAccess(input: $input) { explanation { effectivePolicy { layers { ownerId } rateLimit { perMinute } } } } }`;
  const { explainAccess } = await rig.planes.control.admin.query(query, { input: { apiKeyId, serverId, tool: 'echo' } });
  expect(explainAccess).toMatchObject({ explanation: { effectivePolicy: { layers: [{ ownerId: apiKeyId }], rateLimit: { perMinute: 77 } } } });
});

test('a list of tools is explained by what the key would see of those that are known', async () => {
  const party = await rig.party();
  await change('discoverTools', 'IdInput', { id: party.serverId });
  await change('setToolRules', 'SetToolRulesInput', { id: party.serverId, allowedTools: [], blockedTools: ['delete_file'] });
  await rig.settled();
  const input = { apiKeyId: party.apiKeyId, serverId: party.serverId, rpcMethod: 'tools/list' };
  const { explainAccess } = await rig.planes.control.admin.query(
    'query($input: ExplainAccessInput!) { explainAccess(input: $input) { explanation { allowed tools { name visible } } } }',
    { input },
  );
  const visible = ['echo', 'slow', 'fail'].map((name) => ({ name, visible: true }));
  expect(explainAccess).toMatchObject({ explanation: { allowed: true, tools: expect.arrayContaining([...visible, { name: 'delete_file', visible: false }]) } });
});

test('the rule that decides is told by the name that people know, with the page where it is edited', async () => {
  const party = await rig.party({ blockedTools: ['echo'] });
  const input = { apiKeyId: party.apiKeyId, serverId: party.serverId, tool: 'echo' };
  const { explainAccess } = await rig.planes.control.admin.query(
    'query($input: ExplainAccessInput!) { explainAccess(input: $input) { explanation { denial { rule { label href path } } } } }',
    { input },
  );
  expect(explainAccess).toEqual({ explanation: { denial: { rule: { label: party.slug, href: `/servers/${party.slug}/tools`, path: 'blockedTools' } } } });
});

describe('who may ask', () => {
  test('whoever may read usage', async () => {
    const party = await rig.party();
    const { token } = await rig.planes.control.newAdminToken({ permissions: ['AUDIT_READ'] });
    await expect(rig.ask({ apiKeyId: party.apiKeyId, serverId: party.serverId }, token)).rejects.toThrow('FORBIDDEN');
  });

  test('about what his organisation has: the key and the server of another are not found', async () => {
    const party = await rig.party();
    const { token } = await rig.planes.control.newOrganisation('others');
    const { explanation, userErrors } = await rig.ask({ apiKeyId: party.apiKeyId, serverId: party.serverId }, token);
    expect(explanation).toBeNull();
    expect(userErrors).toMatchObject([{ field: ['apiKeyId'], code: 'NOT_FOUND' }]);
    const absent = await rig.ask({ apiKeyId: 'key_00000000000000000000000000', serverId: party.serverId }, token);
    expect(absent.userErrors).toEqual(userErrors);
  });

  test.each([
    ['clientIp', 'not an address'],
    ['rpcMethod', 'tools call'],
    ['userAgent', 'line\nfeed'],
    ['inputBytes', -1],
  ])('a %s that is none is refused with its name', async (field, value) => {
    const party = await rig.party();
    const { userErrors } = await rig.ask({ apiKeyId: party.apiKeyId, serverId: party.serverId, [field]: value });
    expect(userErrors).toMatchObject([{ field: [field] }]);
  });
});

test('explaining a hundred times uses up nothing', async () => {
  const party = await withPolicy({ ratelimit: { requests: { per_day: 3, per_minute: 3, burst: 3 }, concurrency: { max: 1 } } });
  for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 10 }, () => rig.explain(party)));
  const told = await rig.explain(party);
  expect(told.limits.map(({ used }) => used)).toEqual(['0', '0', '0']);
  expect((await rig.call(party)).denial).toBeNull();
});

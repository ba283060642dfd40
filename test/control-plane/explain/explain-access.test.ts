/** explainAccess tells more of a call than whether it would be let through, to whoever may ask, and uses nothing up. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startExplainingPlanes, type ExplainingPlanes } from '../../support/explaining.ts';

let rig: ExplainingPlanes;

beforeAll(async () => {
  rig = await startExplainingPlanes();
}, 120_000);
afterAll(() => rig?.close());

describe('an allowed call', () => {
  test('is explained as allowed, with its price and what is left, and reaches no server', async () => {
    const party = await rig.partyWithQuota('10', 'TOOL_CALLS');
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
    await rig.change('setToolRules', 'SetToolRulesInput', { id: party.serverId, allowedTools: [], blockedTools: ['echo'], mode: 'OBSERVE' });
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
    const party = await rig.partyWithPolicy({ ip: { allowlist: ['10.0.0.0/8'] } });
    expect((await rig.explain(party, { clientIp: '10.1.2.3' })).allowed).toBe(true);
  });
});

test('a call that only an observing rule had something against has a trace, and any other allowed one has none', async () => {
  const party = await rig.party();
  expect(await rig.traceOf((await rig.call(party)).requestId)).toBeNull();
  await rig.change('setToolRules', 'SetToolRulesInput', { id: party.serverId, allowedTools: [], blockedTools: ['echo'], mode: 'OBSERVE' });
  await rig.settled();
  const trace = await rig.traceOf((await rig.call(party)).requestId);
  expect(trace?.steps.filter(({ outcome }) => outcome !== 'PASS')).toMatchObject([
    { name: 'applyToolRules', outcome: 'OBSERVE', reason: 'mcp_guardrail_block/blocked_tool' },
    { name: 'reconcileRateLimit', outcome: 'SKIPPED' },
  ]);
});

test('an explanation shows the policies that govern the call, merged', async () => {
  const { apiKeyId, serverId } = await rig.partyWithPolicy({ ratelimit: { requests: { per_minute: 77 } } });
  const query = `query($input: ExplainAccessInput!) { explainAccess(input: $input) { explanation { effectivePolicy { layers { ownerId } rateLimit { perMinute } } } } }`;
  const { explainAccess } = await rig.planes.control.admin.query(query, { input: { apiKeyId, serverId, tool: 'echo' } });
  expect(explainAccess).toMatchObject({ explanation: { effectivePolicy: { layers: [{ ownerId: apiKeyId }], rateLimit: { perMinute: 77 } } } });
});

test('a list of tools is explained by what the key would see of those that are known', async () => {
  const party = await rig.party();
  await rig.change('discoverTools', 'IdInput', { id: party.serverId });
  await rig.change('setToolRules', 'SetToolRulesInput', { id: party.serverId, allowedTools: [], blockedTools: ['delete_file'] });
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
  const party = await rig.partyWithPolicy({ ratelimit: { requests: { per_day: 3, per_minute: 3, burst: 3 }, concurrency: { max: 1 } } });
  for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 10 }, () => rig.explain(party)));
  const told = await rig.explain(party);
  expect(told.limits.map(({ used }) => used)).toEqual(['0', '0', '0']);
  expect((await rig.call(party)).denial).toBeNull();
});

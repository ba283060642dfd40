/** simulatePolicy looks at the records of the asker's organisation alone, says whose calls would change, and changes nothing. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { writeUsageEvent, type UsageEvent } from '../../../shared/usage-event.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';
import { eventually } from '../../support/processes.ts';
import { usageEvent } from '../../support/usage.ts';

let plane: TestControlPlane;
let ids: { apiKeyId: string; prefix: string; serverId: string; grantId: string };

const endingSchema = z.object({ decision: z.string(), reason: z.string().nullable() });
const sharesSchema = z.array(z.object({ value: z.string(), label: z.string(), calls: z.number() }));
const simulationSchema = z.object({
  judged: z.number(),
  unjudged: z.number(),
  changed: z.number(),
  truncated: z.boolean(),
  transitions: z.array(z.object({ before: endingSchema, after: endingSchema, calls: z.number() })),
  whose: z.object({ keys: sharesSchema, tools: sharesSchema, servers: sharesSchema }),
  examples: z.array(z.object({ recordId: z.string(), tool: z.string().nullable(), path: z.string().nullable() })),
  notes: z.array(z.string()),
});
const payloadSchema = z.object({
  simulation: simulationSchema.nullable(),
  userErrors: z.array(z.object({ field: z.array(z.string()).nullable(), code: z.string() })),
});
const ENDING = '{ decision reason }';
const SHARE = '{ value label calls }';
const QUERY = `query($input: SimulatePolicyInput!) { simulatePolicy(input: $input) { simulation { judged unjudged changed truncated
  transitions { before ${ENDING} after ${ENDING} calls } whose { keys ${SHARE} tools ${SHARE} servers ${SHARE} } examples { recordId tool path } notes }
  userErrors { field code } } }`;

async function simulate(draft: Record<string, unknown>, given: Record<string, unknown> = {}, token = plane.token): Promise<z.infer<typeof payloadSchema>> {
  const answer = await plane.ask(QUERY, { input: { draft, ...given } }, token);
  if (answer.errors !== undefined) throw new Error(JSON.stringify(answer.errors));
  return payloadSchema.parse(answer.data?.['simulatePolicy']);
}

const NOW = Date.now();
const called = (minutesAgo: number, given: Partial<UsageEvent> = {}): UsageEvent =>
  usageEvent({
    organisationId: plane.organisationId,
    apiKeyId: ids.apiKeyId,
    apiKeyPrefix: ids.prefix,
    serverId: ids.serverId,
    clientIp: '10.0.0.1',
    timeMillis: NOW - minutesAgo * 60_000,
    ...given,
  });

beforeAll(async () => {
  plane = await startTestControlPlane();
  const server = await plane.admin.createServer({ name: 's', slug: 'tools', transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/mcp' });
  const key = await plane.admin.createApiKey();
  ids = { apiKeyId: key.id, prefix: key.prefix, serverId: server.id, grantId: await plane.admin.grant(key.id, server.id) };
  const other = await plane.newOrganisation('others');
  for (let index = 0; index < 30; index++) plane.usageQueue.append(writeUsageEvent(called(30 - index, { tool: index % 3 === 0 ? 'delete_file' : 'echo' })));
  plane.usageQueue.append(writeUsageEvent(called(60 * 24 * 20, { tool: 'delete_file' })));
  plane.usageQueue.append(writeUsageEvent(called(5, { organisationId: other.organisationId, tool: 'delete_file' })));
  await eventually(() => (plane.usageQueue.size === 0 ? true : undefined), 'every event being stored');
}, 120_000);
afterAll(() => plane?.close());

describe('a simulation', () => {
  test('says which calls of the range would change, from what to what, and whose they were', async () => {
    const { simulation } = await simulate({ toolRules: { serverId: ids.serverId, allowedTools: [], blockedTools: ['delete_file'] } });
    expect(simulation).toMatchObject({
      judged: 30,
      unjudged: 0,
      changed: 10,
      truncated: false,
      transitions: [{ before: { decision: 'ALLOWED', reason: null }, after: { decision: 'DENIED', reason: 'mcp_guardrail_block/blocked_tool' }, calls: 10 }],
      whose: {
        keys: [{ value: ids.apiKeyId, label: ids.prefix, calls: 10 }],
        tools: [{ value: 'delete_file', label: 'delete_file', calls: 10 }],
        servers: [{ value: ids.serverId, label: 'tools', calls: 10 }],
      },
    });
    expect(simulation?.examples).toHaveLength(10);
    const { usageRecord } = await plane.admin.query('query($id: ID!) { usageRecord(id: $id) { mcp { tool } } }', { id: simulation?.examples[0]?.recordId });
    expect(usageRecord).toEqual({ mcp: { tool: 'delete_file' } });
  });

  test('reaches back as far as it is asked to', async () => {
    const draft = { toolRules: { serverId: ids.serverId, allowedTools: [], blockedTools: ['delete_file'] } };
    expect((await simulate(draft, { days: 30 })).simulation).toMatchObject({ judged: 31, changed: 11 });
  });

  test('looks at the newest calls where there are more than it may, and says so', async () => {
    const { simulation } = await simulate({ policy: { scope: 'ORGANISATION', policies: { ip: { blocklist: ['10.0.0.1'] } } } }, { callsMax: 12 });
    expect(simulation).toMatchObject({ judged: 12, changed: 12, truncated: true });
    expect(simulation?.notes.join()).toContain('more calls than were looked at');
  });

  test('tries rates, budgets and quotas, and grants that are taken away', async () => {
    const rated = await simulate({ policy: { scope: 'API_KEY', ownerId: ids.apiKeyId, policies: { ratelimit: { requests: { per_hour: 25 } } } } });
    expect(rated.simulation).toMatchObject({ judged: 30, changed: 5 });
    const schedule = { period: 'MONTHLY', timezone: 'UTC' };
    const spent = await simulate({ limit: { limitUsd: '0.000000001', schedule } });
    expect(spent.simulation?.transitions[0]?.after.reason).toBe('budget_exceeded/budget_exhausted');
    expect((await simulate({ removedGrants: [ids.grantId] })).simulation).toMatchObject({ judged: 30, changed: 30 });
    expect((await simulate({ limit: { metric: 'TOOL_CALLS', limit: '1000', schedule } })).simulation).toMatchObject({ changed: 0 });
  });

  test('says of a filter that nobody recorded what messages said', async () => {
    const { simulation } = await simulate({ semanticFilter: { serverId: ids.serverId, blockedKeywords: ['x'] } });
    expect(simulation).toMatchObject({ judged: 30, unjudged: 30, changed: 0 });
    expect(simulation?.notes.join()).toContain('not recorded');
  });

  test('changes nothing: no configuration, no audit event', async () => {
    const state = async () => plane.database.query('select (select version from config_version) as version, (select count(*) from audit_events) as events');
    const before = await state();
    await simulate({ policy: { scope: 'ORGANISATION', policies: { ip: { blocklist: ['10.0.0.1'] } } } });
    expect(await state()).toEqual(before);
  });
});

describe('who may', () => {
  test('needs USAGE_READ', async () => {
    const { token } = await plane.newAdminToken({ permissions: ['POLICY_MANAGE'] });
    await expect(simulate({ removedGrants: [] }, {}, token)).rejects.toThrow('USAGE_READ');
  });

  test.each(['toolRules', 'semanticFilter', 'policy', 'removedGrants', 'limit'])(
    'what another organisation has is not found in a draft of %s',
    async (kind) => {
      const { token } = await plane.newOrganisation(`strangers-${kind.toLowerCase()}`);
      const drafts: Record<string, unknown> = {
        toolRules: { serverId: ids.serverId, allowedTools: [], blockedTools: [] },
        semanticFilter: { serverId: ids.serverId },
        policy: { scope: 'API_KEY', ownerId: ids.apiKeyId, policies: {} },
        removedGrants: [ids.grantId],
        limit: { ownerType: 'MCP_SERVER', ownerId: ids.serverId, metric: 'REQUESTS', limit: '1', schedule: { period: 'DAILY', timezone: 'UTC' } },
      };
      expect(await simulate({ [kind]: drafts[kind] }, {}, token)).toMatchObject({ simulation: null, userErrors: [{ code: 'NOT_FOUND' }] });
    },
  );

  test('another organisation sees its own calls alone', async () => {
    const { token } = await plane.newOrganisation('lookers');
    expect((await simulate({ policy: { scope: 'ORGANISATION', policies: {} } }, {}, token)).simulation).toMatchObject({ judged: 0 });
  });

  test.each([
    ['days', { days: 91 }],
    ['callsMax', { callsMax: 50_001 }],
  ])('a range that is too large is refused by its name: %s', async (field, given) => {
    expect((await simulate({ removedGrants: [] }, given)).userErrors).toMatchObject([{ field: [field], code: 'TOO_LARGE' }]);
  });
});

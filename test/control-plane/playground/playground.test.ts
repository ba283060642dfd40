/** callTool makes the call that the key's holder would make: by all rules, with a record and an audit event, and without the key's secret. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { startExplainingPlanes, type ExplainingPlanes, type Party } from '../../support/explaining.ts';

let rig: ExplainingPlanes;

beforeAll(async () => {
  rig = await startExplainingPlanes();
}, 120_000);
afterAll(() => rig?.close());

const CALL = `mutation($input: CallToolInput!) { callTool(input: $input) {
  requestId status result error record { decision apiKeyId cost { nanosUsd } mcp { tool } denial { reason } } explanation { allowed denial { reason } } userErrors { field code } } }`;
const payloadSchema = z.object({
  requestId: z.string().nullable(),
  status: z.number().nullable(),
  result: z.unknown(),
  error: z.unknown(),
  record: z
    .object({ decision: z.string(), apiKeyId: z.string(), cost: z.object({ nanosUsd: z.string() }), denial: z.object({ reason: z.string() }).nullable() })
    .nullable(),
  explanation: z.object({ allowed: z.boolean(), denial: z.object({ reason: z.string() }).nullable() }).nullable(),
  userErrors: z.array(z.object({ field: z.array(z.string()).nullable(), code: z.string() })),
});

async function callTool(party: Party, given: Record<string, unknown> = {}, token = rig.planes.control.token): Promise<z.infer<typeof payloadSchema>> {
  const input = { serverId: party.serverId, asApiKeyId: party.apiKeyId, tool: 'echo', arguments: { message: 'from the playground' }, ...given };
  const answer = await rig.planes.control.ask(CALL, { input }, token);
  if (answer.errors !== undefined) throw new Error(JSON.stringify(answer.errors));
  return payloadSchema.parse(answer.data?.['callTool']);
}

test('answers what the tool answers, with the record of the call under the key', async () => {
  const party = await rig.party();
  const before = rig.upstream.calls();
  const answer = await callTool(party);
  expect(JSON.stringify(answer.result)).toContain('from the playground');
  expect(answer).toMatchObject({ status: 200, error: null, record: { decision: 'ALLOWED', apiKeyId: party.apiKeyId }, explanation: { allowed: true } });
  expect(rig.upstream.calls()).toBe(before + 1);
  expect(JSON.stringify(rig.upstream.seen.at(-1)?.headers)).not.toContain(party.secret);
});

test('a refused call reaches no server, and is answered, explained and recorded as what it is', async () => {
  const party = await rig.party({ blockedTools: ['echo'] });
  const before = rig.upstream.calls();
  const answer = await callTool(party);
  expect(answer).toMatchObject({
    status: 403,
    result: null,
    error: { data: { code: 'mcp_guardrail_block', reason: 'blocked_tool' } },
    record: { decision: 'DENIED', denial: { reason: 'blocked_tool' } },
    explanation: { allowed: false, denial: { reason: 'blocked_tool' } },
  });
  expect(rig.upstream.calls()).toBe(before);
});

test('uses up what the key may use', async () => {
  const party = await rig.party();
  const policies = { ratelimit: { requests: { per_day: 1 } } };
  await rig.planes.control.admin.mutate('setPolicy', 'SetPolicyInput', { scope: 'API_KEY', ownerId: party.apiKeyId, policies }, '__typename');
  await rig.settled();
  expect((await callTool(party)).status).toBe(200);
  expect(await callTool(party)).toMatchObject({ status: 429, record: { denial: { reason: 'request_rate' } } });
  expect((await rig.call(party)).denial).toContain('rate_limit_exceeded');
});

test('is audited before it is made, without its arguments', async () => {
  const party = await rig.party();
  await callTool(party, { arguments: { message: 'a secret' } });
  const { auditEvents } = await rig.planes.control.admin.query('{ auditEvents(first: 1) { nodes { action targetId after } } }');
  expect(auditEvents).toMatchObject({ nodes: [{ action: 'callTool', targetId: party.serverId, after: { apiKeyId: party.apiKeyId, tool: 'echo' } }] });
  expect(JSON.stringify(auditEvents)).not.toContain('a secret');
});

test('needs PLAYGROUND_CALL; without USAGE_READ the answer is all that is shown', async () => {
  const party = await rig.party();
  const { control } = rig.planes;
  const reader = await control.newAdminToken({ permissions: ['USAGE_READ'] });
  await expect(callTool(party, {}, reader.token)).rejects.toThrow('PLAYGROUND_CALL');
  const caller = await control.newAdminToken({ permissions: ['PLAYGROUND_CALL'] });
  expect(await callTool(party, {}, caller.token)).toMatchObject({ status: 200, record: null, explanation: null });
});

test('a key and a server of another organisation are not found, and nothing is audited', async () => {
  const party = await rig.party();
  const other = await rig.planes.control.newOrganisation('strangers');
  expect((await callTool(party, {}, other.token)).userErrors).toEqual([{ field: ['apiKeyId'], code: 'NOT_FOUND' }]);
  expect(await other.admin.query('{ auditEvents(first: 1) { nodes { action } } }')).toEqual({ auditEvents: { nodes: [] } });
});

/** A tool that is not as it was approved is gone from lists and refused in calls, whoever notices first. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { GatewayClient, listTools, refusalOf, toolCall } from '../support/gateway-client.ts';
import { startTestPlanes, type GovernedByTest, type TestPlanes } from '../support/planes.ts';
import { eventually } from '../support/processes.ts';
import { startToolUpstream, type ToolUpstream } from '../support/tool-upstream.ts';

const READ = { name: 'read', description: 'reads', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } };
const DROP = { name: 'drop', description: 'drops', inputSchema: { type: 'object' }, annotations: { destructiveHint: true } };
const CHANGED = { ...READ, description: 'reads, and tells others' };
const listSchema = z.object({ result: z.object({ tools: z.array(z.object({ name: z.string() })) }) });

let planes: TestPlanes;
let upstream: ToolUpstream;
let gateway: GatewayClient;
let governed: GovernedByTest;
let slug: string;
let count = 0;

beforeAll(async () => {
  planes = await startTestPlanes();
  gateway = new GatewayClient(planes.dataUrl);
});
afterAll(() => planes?.close());

beforeEach(async () => {
  upstream = await startToolUpstream([READ, DROP]);
  slug = `tools-${++count}`;
  governed = await planes.governed({ slug, endpointUrl: upstream.url });
  return () => upstream.close();
});

const listed = async (): Promise<string[]> => {
  const { text } = await gateway.send(slug, { key: governed.apiKey, body: listTools() });
  return listSchema.parse(JSON.parse(text)).result.tools.map(({ name }) => name);
};
const call = (tool: string) => gateway.send(slug, { key: governed.apiKey, body: toolCall(tool) });
const reasonOf = async (tool: string): Promise<string | undefined> => {
  const answer = await call(tool);
  return answer.status === 200 ? undefined : refusalOf(answer).data.reason;
};
const discover = () => planes.control.admin.mutate('discoverTools', 'IdInput', { id: governed.serverId }, 'server { id }');
const fingerprintOf = async (tool: string): Promise<string> => {
  const query = 'query($id: ID!, $search: String!) { tools(serverId: $id, filter: {search: $search}) { nodes { fingerprint } } }';
  const { tools } = await planes.control.admin.query(query, { id: governed.serverId, search: tool });
  return z.object({ nodes: z.tuple([z.object({ fingerprint: z.string() })]) }).parse(tools).nodes[0].fingerprint;
};
const accept = async (tool: string) =>
  planes.control.admin.mutate(
    'acceptToolChanges',
    'AcceptToolChangesInput',
    { serverId: governed.serverId, tools: [tool], fingerprints: [await fingerprintOf(tool)] },
    'accepted { tool changes { path before after } }',
  );
const untilReason = (tool: string, reason: string | undefined) =>
  eventually(async () => ((await reasonOf(tool)) === reason ? true : undefined), `${tool}: ${reason ?? 'allowed'}`);

test('a node that sees another definition hides the tool at once and refuses it, before anybody else knows', async () => {
  await discover();
  await eventually(async () => ((await listed()).length === 2 ? true : undefined), 'both tools listed');
  expect(await reasonOf('read')).toBeUndefined();
  upstream.tools = [CHANGED, DROP];
  // Whether the node has the pins already shows when the changed tool is gone.
  await eventually(async () => ((await listed()).join() === 'drop' ? true : undefined), 'the changed tool hidden');
  const before = upstream.calls;
  expect(refusalOf(await call('read'))).toMatchObject({ data: { code: 'mcp_guardrail_block', reason: 'tool_changed', status: 403, rule: 'tools' } });
  expect(upstream.calls).toBe(before);
  upstream.tools = [READ, DROP];
  expect(await listed()).toEqual(['drop']);
  await discover();
  await untilReason('read', undefined);
  expect(await listed()).toEqual(['read', 'drop']);
});

test('what discovery finds changed is refused until the change is accepted, which shows what it is', async () => {
  await discover();
  upstream.tools = [CHANGED, DROP];
  await discover();
  await untilReason('read', 'tool_changed');
  expect(await accept('read')).toMatchObject({
    accepted: [{ tool: 'read', changes: [{ path: '/description', before: 'reads', after: 'reads, and tells others' }] }],
  });
  await untilReason('read', undefined);
  expect(await listed()).toEqual(['read', 'drop']);
});

test('a server that only observes changes lets them pass, and the record tells', async () => {
  await planes.control.admin.mutate('setToolReview', 'SetToolReviewInput', { id: governed.serverId, changeMode: 'OBSERVE' }, 'server { toolChangeMode }');
  await discover();
  upstream.tools = [CHANGED, DROP];
  await discover();
  expect(await listed()).toEqual(['read', 'drop']);
  const query = 'query($id: [ID!]) { usageRecords(filter: {serverId: $id, tool: ["read"], range: {}}) { nodes { observed } } }';
  await eventually(async () => {
    await call('read');
    const { usageRecords } = await planes.control.admin.query(query, { id: [governed.serverId] });
    return JSON.stringify(usageRecords).includes('mcp_guardrail_block/tool_changed') ? true : undefined;
  }, 'the record of what would have been refused');
});

test('tools that destroy stay off until somebody has reviewed them, and so does what was never discovered', async () => {
  await planes.control.admin.mutate('setToolReview', 'SetToolReviewInput', { id: governed.serverId, review: 'DESTRUCTIVE' }, 'server { toolReview }');
  await untilReason('read', 'tool_unreviewed');
  await discover();
  await untilReason('read', undefined);
  expect(await reasonOf('drop')).toBe('tool_unreviewed');
  expect(await listed()).toEqual(['read']);
  await accept('drop');
  await untilReason('drop', undefined);
});

test('a tool that is switched off is gone, and a class that is corrected counts', async () => {
  await discover();
  const admin = planes.control.admin;
  await admin.mutate('setToolsEnabled', 'SetToolsEnabledInput', { serverId: governed.serverId, tools: ['drop'], enabled: false }, 'tools { enabled }');
  await untilReason('drop', 'tool_disabled');
  expect(await listed()).toEqual(['read']);
  await admin.mutate('setToolReview', 'SetToolReviewInput', { id: governed.serverId, review: 'DESTRUCTIVE' }, 'server { id }');
  await admin.mutate('setToolRisk', 'SetToolRiskInput', { serverId: governed.serverId, tools: ['read'], risk: 'DESTRUCTIVE' }, 'tools { risk }');
  await untilReason('read', 'tool_unreviewed');
});

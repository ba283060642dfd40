/** The inventory says of each server what it holds and what of that is used, from the same rules that judge calls. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { writeUsageEvent } from '../../../shared/usage-event.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';
import { eventually } from '../../support/processes.ts';
import { startToolUpstream, type ToolUpstream } from '../../support/tool-upstream.ts';
import { usageEvent } from '../../support/usage.ts';

const tool = (name: string, annotations: Record<string, boolean> = { readOnlyHint: true }) => ({
  name,
  description: name,
  inputSchema: { type: 'object' },
  annotations,
});
const TOOLS = [
  tool('read'),
  tool('search'),
  tool('hidden'),
  tool('off'),
  tool('drop', { destructiveHint: true }),
  tool('browse', { readOnlyHint: true, openWorldHint: true }),
];

let plane: TestControlPlane;
let upstream: ToolUpstream;

beforeAll(async () => {
  plane = await startTestControlPlane();
  upstream = await startToolUpstream(TOOLS);
});
afterAll(async () => {
  await upstream?.close();
  await plane?.close();
});

const inventory = async (args = '') => {
  const selection = 'server { slug } toolCount enabledToolCount scopes dlpAction status lastActivityAt calls30d unusedTools riskyTools';
  const { inventory: page } = await plane.admin.query(`{ inventory${args} { nodes { ${selection} } totalCount } }`);
  return z.object({ nodes: z.array(z.record(z.string(), z.unknown())), totalCount: z.number() }).parse(page);
};

test('tools that may be called, those of them that nobody calls, and those that may do harm', async () => {
  const filter = { blockedKeywords: ['secret'], action: 'OBSERVE' };
  const { id } = await plane.admin.createServer({
    name: 'tools',
    transport: 'STREAMABLE_HTTP',
    endpointUrl: upstream.url,
    // As a data plane judges names: whatever the case.
    blockedTools: ['Hidden'],
    semanticFilter: filter,
  });
  await plane.admin.mutate('discoverTools', 'IdInput', { id }, 'server { id }');
  await plane.admin.mutate('setToolsEnabled', 'SetToolsEnabledInput', { serverId: id, tools: ['off'], enabled: false }, 'tools { name }');
  const event = (given: object) => plane.usageQueue.append(writeUsageEvent(usageEvent({ organisationId: plane.organisationId, serverId: id, ...given })));
  for (let index = 0; index < 3; index++) event({ tool: 'read' });
  event({ tool: 'search', decision: 'DENIED', code: 'mcp_guardrail_block', status: 403 });
  event({ tool: null, rpcMethod: 'tools/list' });
  event({ tool: 'browse', timeMillis: Date.now() - 31 * 86_400_000 });
  await eventually(() => (plane.usageQueue.size === 0 ? true : undefined), 'every event being stored');
  expect(await inventory('(filter: {slug: ["tools"]})')).toEqual({
    nodes: [
      {
        server: { slug: 'tools' },
        toolCount: 6,
        enabledToolCount: 4,
        scopes: ['ORGANISATION'],
        dlpAction: 'OBSERVE',
        status: 'CONNECTED',
        lastActivityAt: expect.any(String),
        calls30d: '5',
        unusedTools: 3,
        riskyTools: 2,
      },
    ],
    totalCount: 1,
  });
});

test('whose keys may call, and how it is', async () => {
  const { team } = await plane.admin.mutate('upsertTeam', 'UpsertTeamInput', { name: 'Payments' }, 'team { id }');
  const { id: teamId } = z.object({ id: z.string() }).parse(team);
  const key = await plane.admin.createApiKey();
  const http = { transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/' };
  await plane.admin.createServer({ name: 'team', ...http, scope: { teamId } });
  await plane.admin.createServer({ name: 'key', ...http, scope: { apiKeyId: key.id }, enabled: false });
  const { nodes } = await inventory('(filter: {slug: ["team", "key"]})');
  expect(nodes.map(({ scopes, status }) => [scopes, status])).toEqual([
    [['TEAM payments'], 'UNKNOWN'],
    [[`API_KEY ${key.prefix}`], 'DISABLED'],
  ]);
  expect(nodes[0]).toMatchObject({ toolCount: 0, calls30d: '0', lastActivityAt: null, dlpAction: null });
});

test('needs USAGE_READ', async () => {
  const { token } = await plane.newAdminToken({ permissions: [] });
  expect((await plane.ask('{ inventory { nodes { toolCount } } }', {}, token)).errors?.[0]?.extensions).toMatchObject({
    code: 'FORBIDDEN',
    permission: 'USAGE_READ',
  });
});

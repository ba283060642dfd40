/** Discovered tools are kept with what people decided of them, in one organisation, and every decision leaves a trace. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { startTestControlPlane, userErrorsOf, type TestControlPlane } from '../../support/control-plane.ts';
import { startMcpUpstream } from '../../support/mcp-upstream.ts';
import { eventually } from '../../support/processes.ts';
import { startToolUpstream, type ToolUpstream } from '../../support/tool-upstream.ts';

const READ = { name: 'read', title: 'Read', description: 'reads', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } };
const DELETE = { name: 'delete', description: 'deletes', inputSchema: { type: 'object' } };
const toolsSchema = z.object({ nodes: z.array(z.looseObject({ name: z.string(), fingerprint: z.string() })), totalCount: z.number() });
const SELECTION = `name title description risk correctedRisk state enabled refusedAs flags sameNameServerIds fingerprint approvedFingerprint isGone reviewedAt
  changes { path before after }`;

let plane: TestControlPlane;
let upstream: ToolUpstream;
let serverId: string;
let count = 0;

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());

beforeEach(async () => {
  upstream = await startToolUpstream([READ, DELETE]);
  serverId = (await plane.admin.createServer({ name: `Tools ${++count}`, transport: 'STREAMABLE_HTTP', endpointUrl: upstream.url })).id;
  return async () => {
    await upstream.close();
    await plane.database.query('delete from tools');
  };
});

const discover = (id = serverId) => plane.admin.mutate('discoverTools', 'IdInput', { id }, 'server { toolsCheckedAt toolDiscoveryError }');
const tools = async (filter: object | null = null, admin = plane.admin) => {
  const query = `query($id: ID!, $filter: ToolFilter) { tools(serverId: $id, filter: $filter) { totalCount nodes { ${SELECTION} } } }`;
  const { nodes, totalCount } = toolsSchema.parse((await admin.query(query, { id: serverId, filter }))['tools']);
  // Tools of one discovery come in any order.
  return { totalCount, nodes: nodes.toSorted((one, other) => one.name.localeCompare(other.name)) };
};
const names = async (filter: object) => (await tools(filter)).nodes.map(({ name }) => name);
const tool = async (name: string) => {
  const found = (await tools()).nodes.find((node) => node.name === name);
  if (found === undefined) throw new Error(`${name} is not there`);
  return found;
};
const accept = (name: string, fingerprint: string) => ({ serverId, tools: [name], fingerprints: [fingerprint] });

describe('discovery', () => {
  test('keeps every page of what the server lists', async () => {
    upstream.pageSize = 1;
    await discover();
    expect(await tools()).toMatchObject({
      totalCount: 2,
      nodes: [
        { name: 'delete', title: null, risk: 'DESTRUCTIVE', state: 'NEW' },
        { name: 'read', title: 'Read', risk: 'READ_ONLY', state: 'NEW', enabled: true, refusedAs: null, changes: [] },
      ],
    });
  });

  test('again with nothing new changes nothing but the time', async () => {
    await discover();
    const before = await tools();
    await discover();
    expect(await tools()).toEqual(before);
  });

  test('finds what has changed and what is gone, and an old definition that comes back is no change', async () => {
    await discover();
    upstream.tools = [{ ...READ, description: 'reads more' }];
    await discover();
    expect(await tool('read')).toMatchObject({
      state: 'CHANGED',
      refusedAs: 'tool_changed',
      changes: [{ path: '/description', before: 'reads', after: 'reads more' }],
    });
    expect(await tool('delete')).toMatchObject({ isGone: true });
    upstream.tools = [READ, { ...DELETE, description: 'deletes all' }];
    await discover();
    expect(await tool('read')).toMatchObject({ state: 'NEW', refusedAs: null });
    expect(await tool('delete')).toMatchObject({ isGone: false, state: 'CHANGED' });
  });

  test('ends where a list leads round in a circle', async () => {
    const round = await startMcpUpstream();
    const { id } = await plane.admin.createServer({ name: `Round ${count}`, transport: 'STREAMABLE_HTTP', endpointUrl: round.url });
    expect(await discover(id)).toMatchObject({ server: { toolDiscoveryError: null } });
    await round.close();
    expect(await plane.database.query('select name from tools where mcp_server_id = $1 order by name', [id])).toHaveLength(4);
  });

  test('says of a server that cannot be reached why, and keeps what is known', async () => {
    await discover();
    upstream.intercept = (_path, response) => {
      response.writeHead(503).end();
      return true;
    };
    expect(await userErrorsOf(plane, 'discoverTools', 'IdInput', { id: serverId })).toMatchObject([{ code: 'UPSTREAM_FAILED', field: ['id'] }]);
    const { server } = await plane.admin.query('query($id: ID) { server(id: $id) { toolDiscoveryError } }', { id: serverId });
    expect(server).toEqual({ toolDiscoveryError: 'the server answered with status 503' });
    expect((await tools()).totalCount).toBe(2);
  });

  test('leaves out what is no tool, and says so', async () => {
    upstream.tools = [READ, { name: 'read', description: 'another' }, { name: '' }, { ...DELETE, description: 'half \ud800' }];
    expect(await discover()).toMatchObject({ server: { toolDiscoveryError: '3 entries of the list are no tools that can be kept' } });
    expect((await tools()).totalCount).toBe(1);
  });

  test('keeps nothing that repeats a secret of the server', async () => {
    const token = 'canary-repeated-token';
    const auth = { bearer: { token } };
    const { id } = await plane.admin.createServer({ name: `Talkative ${count}`, transport: 'STREAMABLE_HTTP', endpointUrl: upstream.url, auth });
    upstream.tools = [READ, { ...DELETE, description: `sent with ${token}` }];
    expect(await discover(id)).toMatchObject({ server: { toolDiscoveryError: '1 entries of the list are no tools that can be kept' } });
    expect(JSON.stringify(await plane.database.query('select row_to_json(t)::text from tools t'))).not.toContain(token);
  });
});

describe('review', () => {
  test('a change is accepted as it was seen, and not as it has become since', async () => {
    await discover();
    upstream.tools = [{ ...READ, description: 'reads more' }];
    await discover();
    const seen = await tool('read');
    upstream.tools = [{ ...READ, description: 'reads everything' }];
    await discover();
    expect(await userErrorsOf(plane, 'acceptToolChanges', 'AcceptToolChangesInput', accept('read', seen.fingerprint))).toMatchObject([
      { code: 'STALE_VERSION' },
    ]);
    const now = await tool('read');
    const dry = { ...accept('read', now.fingerprint), dryRun: true };
    const shown = { accepted: [{ tool: 'read', changes: [{ path: '/description', before: 'reads', after: 'reads everything' }] }] };
    const selection = 'accepted { tool changes { path before after } }';
    expect(await plane.admin.mutate('acceptToolChanges', 'AcceptToolChangesInput', dry, selection)).toMatchObject(shown);
    expect(await tool('read')).toMatchObject({ state: 'CHANGED' });
    expect(await plane.admin.mutate('acceptToolChanges', 'AcceptToolChangesInput', accept('read', now.fingerprint), selection)).toMatchObject(shown);
    expect(await tool('read')).toMatchObject({ state: 'APPROVED', refusedAs: null, approvedFingerprint: now.fingerprint });
  });

  test('what waits for its first review is reviewed as it is by then', async () => {
    await plane.admin.mutate('setToolReview', 'SetToolReviewInput', { id: serverId, review: 'ALL' }, 'server { toolReview }');
    await discover();
    upstream.tools = [{ ...READ, description: 'reads more' }];
    await discover();
    expect(await tool('read')).toMatchObject({ state: 'NEW', refusedAs: 'tool_unreviewed', changes: [] });
  });

  test('a corrected class stays, and can be taken back', async () => {
    await discover();
    const correct = (risk: string | null) => plane.admin.mutate('setToolRisk', 'SetToolRiskInput', { serverId, tools: ['read'], risk }, 'tools { risk }');
    expect(await correct('DESTRUCTIVE')).toMatchObject({ tools: [{ risk: 'DESTRUCTIVE' }] });
    expect(await names({ risk: ['DESTRUCTIVE'] })).toEqual(['delete', 'read']);
    expect(await names({ risk: ['READ_ONLY'] })).toEqual([]);
    expect(await correct(null)).toMatchObject({ tools: [{ risk: 'READ_ONLY' }] });
  });

  test('filters hold together', async () => {
    await discover();
    await plane.admin.mutate('setToolsEnabled', 'SetToolsEnabledInput', { serverId, tools: ['delete'], enabled: false }, 'tools { name }');
    await plane.admin.mutate('acceptToolChanges', 'AcceptToolChangesInput', accept('read', (await tool('read')).fingerprint), 'tools { name }');
    expect(await names({ enabled: false })).toEqual(['delete']);
    expect(await names({ state: ['APPROVED'] })).toEqual(['read']);
    expect(await names({ state: ['NEW', 'CHANGED'] })).toEqual(['delete']);
    expect(await names({ search: 'EA' })).toEqual(['read']);
    expect(await names({ search: '%' })).toEqual([]);
    expect(await names({ state: ['APPROVED'], enabled: false })).toEqual([]);
  });

  test('a name that another server of the organisation has as well is flagged on both', async () => {
    const other = await startToolUpstream([READ]);
    const { id } = await plane.admin.createServer({ name: `Other ${count}`, transport: 'STREAMABLE_HTTP', endpointUrl: other.url });
    await discover();
    await discover(id);
    await other.close();
    expect(await tool('read')).toMatchObject({ flags: ['SAME_NAME_ELSEWHERE'], sameNameServerIds: [id] });
    expect(await tool('delete')).toMatchObject({ flags: [], sameNameServerIds: [] });
  });
});

describe('who may', () => {
  test('nobody without TOOL_CONFIGURE changes anything', async () => {
    const { token } = await plane.newAdminToken({ permissions: ['SERVER_CREATE', 'SERVER_UPDATE'] });
    const inputs = [
      ['discoverTools', 'IdInput', { id: serverId }],
      ['setToolReview', 'SetToolReviewInput', { id: serverId, review: 'NONE' }],
      ['setToolsEnabled', 'SetToolsEnabledInput', { serverId, tools: [], enabled: false }],
      ['setToolRisk', 'SetToolRiskInput', { serverId, tools: [] }],
      ['acceptToolChanges', 'AcceptToolChangesInput', { serverId, tools: [], fingerprints: [] }],
    ] as const;
    for (const [mutation, type, input] of inputs) await expect(userErrorsOf(plane, mutation, type, input, token)).rejects.toThrow('FORBIDDEN');
  });

  test('another organisation sees and changes nothing, and its tools shadow nobody', async () => {
    await discover();
    const { admin, token } = await plane.newOrganisation(`other-${count}`);
    const theirs = await admin.createServer({ name: 'Theirs', transport: 'STREAMABLE_HTTP', endpointUrl: upstream.url });
    await admin.mutate('discoverTools', 'IdInput', { id: theirs.id }, 'server { id }');
    expect((await tools(null, admin)).totalCount).toBe(0);
    expect(await tool('read')).toMatchObject({ sameNameServerIds: [] });
    const input = { serverId, tools: ['read'], enabled: false };
    expect(await userErrorsOf(plane, 'setToolsEnabled', 'SetToolsEnabledInput', input, token)).toMatchObject([{ code: 'NOT_FOUND', field: ['serverId'] }]);
    expect(await userErrorsOf(plane, 'discoverTools', 'IdInput', { id: serverId }, token)).toMatchObject([{ code: 'NOT_FOUND', field: ['id'] }]);
  });
});

describe('by schedule', () => {
  test('tools are discovered at once and in the name of the schedule, and a schedule has bounds', async () => {
    const input = { id: serverId, discoveryMinutes: 5 };
    await plane.admin.mutate('setToolReview', 'SetToolReviewInput', input, 'server { toolDiscoveryMinutes }');
    await eventually(async () => ((await tools()).totalCount === 2 ? true : undefined), 'the tools being discovered');
    const events = await plane.database.query("select actor_kind, after from audit_events where action = 'discoverTools' and target_id = $1", [serverId]);
    expect(events).toEqual([{ actor_kind: 'SCHEDULE', after: { tools: 2, added: ['read', 'delete'], changed: [], gone: [] } }]);
    const refused = await userErrorsOf(plane, 'setToolReview', 'SetToolReviewInput', { id: serverId, discoveryMinutes: 1 });
    expect(refused).toMatchObject([{ code: 'OUT_OF_RANGE', field: ['discoveryMinutes'] }]);
  });
});

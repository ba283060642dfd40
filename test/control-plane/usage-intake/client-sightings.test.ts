/** Each client is noted once, with what it was seen with, however often its records are told; names alone make no agent. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { writeUsageEvent, type UsageEvent } from '../../../shared/usage-event.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';
import { eventually } from '../../support/processes.ts';
import { usageEvent } from '../../support/usage.ts';

const NOW = Date.now();
const HOUR = 3_600_000;

let plane: TestControlPlane;

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());

async function record(...events: readonly Partial<UsageEvent>[]): Promise<void> {
  for (const event of events) plane.usageQueue.append(writeUsageEvent(usageEvent({ organisationId: plane.organisationId, ...event })));
  await eventually(() => (plane.usageQueue.size === 0 ? true : undefined), 'every event being stored');
}

async function unmapped(args = '') {
  const { unmappedClients } = await plane.admin.query(
    `{ unmappedClients${args} { totalCount pageInfo { endCursor } nodes { clientName clientVersion calls firstSeenAt lastSeenAt looksLike { slug } } } }`,
  );
  return z
    .object({ totalCount: z.number(), pageInfo: z.object({ endCursor: z.string().nullable() }), nodes: z.array(z.looseObject({ clientName: z.string() })) })
    .parse(unmappedClients);
}

test('a client that counts as no agent is told with its calls, first and last, newest first', async () => {
  const twice = { requestId: 'req_twice', clientName: 'seen-bot', clientVersion: '1', timeMillis: NOW - HOUR };
  await record(twice, { ...twice, requestId: 'req_other', timeMillis: NOW - 2 * HOUR }, { clientName: 'claude-code', timeMillis: NOW });
  await record(twice);
  const { nodes, totalCount, pageInfo } = await unmapped('(first: 1)');
  expect(totalCount).toBe(2);
  expect(nodes).toMatchObject([{ clientName: 'claude-code', clientVersion: null, looksLike: { slug: 'claude-code' } }]);
  const rest = await unmapped(`(first: 1, after: "${pageInfo.endCursor}")`);
  expect(rest.nodes).toEqual([
    {
      clientName: 'seen-bot',
      clientVersion: '1',
      calls: '2',
      firstSeenAt: new Date(NOW - 2 * HOUR).toISOString(),
      lastSeenAt: new Date(NOW - HOUR).toISOString(),
      looksLike: null,
    },
  ]);
});

test('whoever names nothing, whoever is mapped by now, and whoever was last seen long ago is not told', async () => {
  await record(
    { clientName: null },
    { clientName: '' },
    { clientName: 'old', timeMillis: NOW - 40 * 24 * HOUR },
    { clientName: 'to be mapped', clientVersion: '1.4' },
  );
  expect((await unmapped()).nodes.map(({ clientName }) => clientName)).toContain('to be mapped');
  const clients = [{ name: 'c', clientNamePattern: 'to be *', versionRange: '1', allowedServerIds: [] }];
  await plane.admin.mutate('createAgent', 'CreateAgentInput', { name: 'Mapped', clients }, 'agent { id }');
  expect((await unmapped()).nodes.map(({ clientName }) => clientName).toSorted()).toEqual(['claude-code', 'seen-bot']);
});

test('the pages of clients go on where they were, also behind one that has been mapped meanwhile', async () => {
  await record({ clientName: 'page-1', timeMillis: NOW + 2000 }, { clientName: 'page-2', timeMillis: NOW + 1000 });
  const { pageInfo } = await unmapped('(first: 1)');
  const clients = [{ name: 'c', clientNamePattern: 'page-1', allowedServerIds: [] }];
  await plane.admin.mutate('createAgent', 'CreateAgentInput', { name: 'Mapped between pages', clients }, 'agent { id }');
  expect((await unmapped(`(first: 1, after: "${pageInfo.endCursor}")`)).nodes).toMatchObject([{ clientName: 'page-2' }]);
});

test('a client of an agent is told when it was last seen and how often within a day, and is not unmapped', async () => {
  const { agent } = await plane.admin.mutate(
    'createAgent',
    'CreateAgentInput',
    { name: 'Seen', clients: ['a', 'b'].map((name) => ({ name, clientNamePattern: name, allowedServerIds: [] })) },
    'agent { id clients { id } }',
  );
  const { id, clients } = z.object({ id: z.string(), clients: z.array(z.object({ id: z.string() })) }).parse(agent);
  const of = { agentId: id, agentClientId: clients[0]?.id ?? null, clientName: 'a', apiKeyId: 'key_1' };
  await record({ ...of, timeMillis: NOW - 30 * HOUR }, { ...of, timeMillis: NOW - 2 * HOUR }, { ...of, timeMillis: NOW - HOUR, clientName: null });
  const range = { gte: new Date(NOW - 48 * HOUR).toISOString() };
  const told = await plane.admin.query(
    'query($id: ID!, $range: DateTimeRange!) { agent(id: $id) { clients { lastSeenAt callCount24h } usage(range: $range) { calls } } }',
    {
      id,
      range,
    },
  );
  expect(told).toEqual({
    agent: {
      clients: [
        { lastSeenAt: new Date(NOW - HOUR).toISOString(), callCount24h: '2' },
        { lastSeenAt: null, callCount24h: '0' },
      ],
      usage: { calls: '3' },
    },
  });
  expect((await unmapped()).nodes.map(({ clientName }) => clientName)).not.toContain('a');
  const views = await plane.admin.query(
    `query($range: DateTimeRange!, $agent: [ID!]) {
      usageFacets(filter: {range: $range}, fields: [AGENT]) { values { value label count } }
      usageRecords(filter: {range: $range, agentId: $agent}) { nodes { agent { name } agentClientId } }
      workflowGraph(filter: {range: $range}, levels: [AGENT, SERVER]) { nodes { id label } } }`,
    { range, agent: [id] },
  );
  expect(views).toMatchObject({
    usageFacets: [{ values: expect.arrayContaining([{ value: id, label: 'Seen', count: '3' }]) }],
    usageRecords: { nodes: Array.from({ length: 3 }, () => ({ agent: { name: 'Seen' }, agentClientId: clients[0]?.id })) },
    workflowGraph: {
      nodes: expect.arrayContaining([
        { id: `AGENT:${id}`, label: 'Seen' },
        { id: 'AGENT:seen-bot', label: 'seen-bot' },
      ]),
    },
  });
});

test('no more than twenty keys are noted of a client', async () => {
  const events = Array.from({ length: 30 }, (_, index) => ({ clientName: 'with many keys', apiKeyId: `key_${index}` }));
  await record(...events.slice(0, 15));
  await record(...events.slice(15));
  const rows = await plane.database.query(`select cardinality(api_key_ids) as keys, calls::text from client_sightings where client_name = 'with many keys'`);
  expect(rows).toEqual([{ keys: 20, calls: '30' }]);
});

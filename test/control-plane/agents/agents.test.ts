/** Predefined agents are there for everybody and mapped by each organisation; those of its own are made, changed and taken away. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { PREDEFINED_AGENTS } from '../../../control-plane/agents/predefined-agents.ts';
import { agentSchema } from '../../../shared/agent.ts';
import { startTestControlPlane, userErrorsOf, type TestControlPlane } from '../../support/control-plane.ts';
import { followFeed } from '../../support/feed-client.ts';

const AGENT = 'id slug name kind mode version knownClientNames clients { id name clientNamePattern versionRange allowedServers { slug } } createdAt';
const agentType = z.object({
  id: z.string(),
  slug: z.string(),
  version: z.number(),
  clients: z.array(z.object({ id: z.string(), name: z.string(), allowedServers: z.array(z.object({ slug: z.string() })) })),
});

let plane: TestControlPlane;
let serverId: string;

beforeAll(async () => {
  plane = await startTestControlPlane();
  serverId = (await plane.admin.createServer({ name: 'Tools', slug: 'tools', transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/' })).id;
});
afterAll(() => plane?.close());
beforeEach(async () => {
  await plane.database.query(`update api_keys set agent_id = null`);
  await plane.database.query('delete from agents');
});

async function list(args = 'first: 200') {
  const { agents } = await plane.admin.query(`{ agents(${args}) { totalCount pageInfo { hasNextPage endCursor } nodes { ${AGENT} } } }`);
  const page = z.object({ endCursor: z.string().nullable(), hasNextPage: z.boolean() });
  return z.object({ totalCount: z.number(), pageInfo: page, nodes: z.array(agentType.loose()) }).parse(agents);
}

async function create(input: Record<string, unknown> = {}) {
  const { agent } = await plane.admin.mutate('createAgent', 'CreateAgentInput', { name: 'Night shift', ...input }, `agent { ${AGENT} }`);
  return agentType.parse(agent);
}

async function update(id: string, input: Record<string, unknown>) {
  const { agent } = await plane.admin.mutate('updateAgent', 'UpdateAgentInput', { id, ...input }, `agent { ${AGENT} }`);
  return agentType.parse(agent);
}

async function predefined(slug: string) {
  const found = (await list()).nodes.find((agent) => agent.slug === slug);
  if (found === undefined) throw new Error(`${slug} comes with the product`);
  return found;
}

/** What the data planes were told last. */
async function told() {
  const [row] = await plane.database.query('select change from config_changes order by version desc, position desc limit 1');
  return z.object({ op: z.string(), kind: z.string(), id: z.string().optional(), value: z.unknown().optional() }).parse(row?.['change']);
}

const client = (given: Record<string, unknown> = {}) => ({ name: 'CI', clientNamePattern: 'night-*', allowedServerIds: [serverId], ...given });

describe('predefined agents', () => {
  test('are listed before anybody has mapped them, each with an id that stays', async () => {
    const { nodes, totalCount } = await list();
    expect(totalCount).toBe(PREDEFINED_AGENTS.length);
    expect(nodes.map(({ slug }) => slug)).toEqual(PREDEFINED_AGENTS.map(({ slug }) => slug));
    expect(nodes.every((agent) => agent['kind'] === 'PREDEFINED' && agent.version === 0 && agent.clients.length === 0)).toBe(true);
    expect((await list()).nodes).toEqual(nodes);
  });

  test('have ids of their own in each organisation', async () => {
    const { admin } = await plane.newOrganisation('elsewhere');
    const { agents } = await admin.query('{ agents(first: 1) { nodes { id } } }');
    expect(JSON.stringify(agents)).not.toContain((await list()).nodes[0]?.id);
  });

  test('are known by names that no two of them share', () => {
    const names = PREDEFINED_AGENTS.flatMap(({ clientNames }) => clientNames.map((name) => name.toLowerCase()));
    expect(new Set(names).size).toBe(names.length);
  });

  test('are mapped by their first change, and data planes hear the names that they go by', async () => {
    const { id } = await predefined('claude-code');
    const mapped = await update(id, { clients: [client({ clientNamePattern: null })] });
    expect(mapped).toMatchObject({ id, version: 1, clients: [{ name: 'CI', allowedServers: [{ slug: 'tools' }] }] });
    expect((await told()).kind).toBe('agent');
    expect(agentSchema.parse((await told()).value)).toMatchObject({
      kind: 'PREDEFINED',
      clients: [
        { clientNames: expect.arrayContaining(['claude-code', 'claude-code (via mcp-remote *)']), userAgents: ['claude-code/*'], serverIds: [serverId] },
      ],
    });
    expect(await predefined('claude-code')).toMatchObject(mapped);
  });

  test('keep their names and stay', async () => {
    const { id } = await predefined('cursor');
    expect(await userErrorsOf(plane, 'updateAgent', 'UpdateAgentInput', { id, name: 'Mine' })).toMatchObject([{ field: ['name'], code: 'INVALID' }]);
    for (const clients of [undefined, []]) {
      if (clients !== undefined) await update(id, { clients });
      expect(await userErrorsOf(plane, 'deleteAgent', 'DeleteAgentInput', { id })).toMatchObject([{ field: ['id'], code: 'INVALID' }]);
    }
    expect(await userErrorsOf(plane, 'createAgent', 'CreateAgentInput', { name: 'Cursor' })).toMatchObject([{ field: ['slug'], code: 'TAKEN' }]);
  });
});

describe('agents of one’s own', () => {
  test('are made with their clients, changed and taken away, each step audited and told', async () => {
    const made = await create({ clients: [client({ versionRange: '>=1.2 <2' })] });
    expect(made).toMatchObject({ slug: 'night-shift', version: 1 });
    const [kept] = made.clients;
    const changed = await update(made.id, {
      name: 'Day shift',
      expectedVersion: 1,
      clients: [client({ id: kept?.id }), client({ name: 'new', clientNamePattern: 'day' })],
    });
    expect(changed.clients.map(({ id }) => id === kept?.id)).toEqual([true, false]);
    expect(agentSchema.parse((await told()).value)).toMatchObject({ name: 'Day shift', clients: [{ clientNames: ['night-*'] }, { clientNames: ['day'] }] });
    await plane.admin.mutate('deleteAgent', 'DeleteAgentInput', { id: made.id, expectedVersion: 2 }, 'deletedId');
    expect(await told()).toMatchObject({ op: 'remove', kind: 'agent', id: made.id });
    const events = await plane.database.query('select action from audit_events where target_id = $1 order by occurred_at, id', [made.id]);
    expect(events.map(({ action }) => action)).toEqual(['createAgent', 'updateAgent', 'deleteAgent']);
  });

  test('follow the predefined ones in pages without gap or repetition', async () => {
    const { id } = await create();
    const seen: string[] = [];
    for (let after = ''; ;) {
      const { nodes, pageInfo } = await list(`first: 9${after}`);
      seen.push(...nodes.map((agent) => agent.id));
      if (!pageInfo.hasNextPage) break;
      after = `, after: "${pageInfo.endCursor}"`;
    }
    expect(seen).toHaveLength(PREDEFINED_AGENTS.length + 1);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.at(-1)).toBe(id);
    expect((await list('kind: CUSTOM')).nodes.map((agent) => agent.id)).toEqual([id]);
    expect((await list('search: "night SHIFT"')).nodes.map((agent) => agent.id)).toEqual([id]);
  });

  test('are paged on behind one that has gone meanwhile', async () => {
    const [first, second] = [await create(), await create({ name: 'Day shift' })];
    const { pageInfo } = await list('kind: CUSTOM, first: 1');
    await plane.admin.mutate('deleteAgent', 'DeleteAgentInput', { id: first.id }, 'deletedId');
    expect((await list(`kind: CUSTOM, after: "${pageInfo.endCursor}"`)).nodes.map(({ id }) => id)).toEqual([second.id]);
  });

  test('change nothing in a dry run', async () => {
    const { id } = await create();
    const before = await plane.database.query('select version from config_version');
    await plane.admin.mutate('createAgent', 'CreateAgentInput', { name: 'Dry', dryRun: true }, 'agent { id }');
    await plane.admin.mutate('updateAgent', 'UpdateAgentInput', { id, name: 'Dry', dryRun: true }, 'agent { id }');
    await plane.admin.mutate('deleteAgent', 'DeleteAgentInput', { id, dryRun: true }, 'deletedId');
    expect((await list('kind: CUSTOM')).nodes).toMatchObject([{ id, name: 'Night shift', version: 1 }]);
    expect(await plane.database.query('select version from config_version')).toEqual(before);
  });

  test('stay while keys are bound to them that may still call', async () => {
    const { id } = await create();
    const key = await plane.admin.createApiKey({ agentId: id });
    expect(await userErrorsOf(plane, 'deleteAgent', 'DeleteAgentInput', { id })).toMatchObject([{ field: ['id'], code: 'CONFLICT' }]);
    await plane.admin.mutate('setApiKeyDisabled', 'SetApiKeyDisabledInput', { id: key.id, disabled: true }, 'apiKey { id }');
    expect(await userErrorsOf(plane, 'deleteAgent', 'DeleteAgentInput', { id })).toMatchObject([{ field: ['id'], code: 'CONFLICT' }]);
    await plane.admin.mutate('revokeApiKey', 'IdInput', { id: key.id }, 'apiKey { id }');
    expect(await plane.admin.mutate('deleteAgent', 'DeleteAgentInput', { id }, 'deletedId')).toMatchObject({ deletedId: id });
  });

  test.each([
    [{ name: ' ' }, 'name', 'REQUIRED'],
    [{ clients: [{ name: 'c', allowedServerIds: [] }] }, 'clients.0.clientNamePattern', 'REQUIRED'],
    [{ clients: [{ name: 'c', clientNamePattern: 'x'.repeat(65), allowedServerIds: [] }] }, 'clients.0.clientNamePattern', 'TOO_LONG'],
    [{ clients: [{ name: 'c', clientNamePattern: 'x', versionRange: '^1', allowedServerIds: [] }] }, 'clients.0.versionRange', 'INVALID'],
    [{ clients: [{ name: 'c', clientNamePattern: 'x', allowedServerIds: ['srv_none'] }] }, 'clients.0.allowedServerIds.0', 'NOT_FOUND'],
    [{ clients: [{ id: 'agc_none', name: 'c', clientNamePattern: 'x', allowedServerIds: [] }] }, 'clients.0.id', 'NOT_FOUND'],
    [{ clients: Array.from({ length: 21 }, () => ({ name: 'c', clientNamePattern: 'x', allowedServerIds: [] })) }, 'clients', 'TOO_LONG'],
  ])('%j is refused at %s with %s', async (input, field, code) => {
    expect(await userErrorsOf(plane, 'createAgent', 'CreateAgentInput', { name: 'a', ...input })).toMatchObject([{ field: field.split('.'), code }]);
  });

  test('a version that is no longer the agent’s changes nothing', async () => {
    const { id } = await create();
    for (const [mutation, type] of [
      ['updateAgent', 'UpdateAgentInput'],
      ['deleteAgent', 'DeleteAgentInput'],
    ] as const)
      expect(await userErrorsOf(plane, mutation, type, { id, expectedVersion: 9 })).toMatchObject([{ code: 'STALE_VERSION' }]);
  });
});

test('a snapshot carries every agent of the organisation', async () => {
  await create({ clients: [client()] });
  const { id } = await predefined('zed');
  await update(id, { clients: [client({ clientNamePattern: null })] });
  const feed = await followFeed(plane.url, (await plane.newDataPlaneToken()).token);
  const { upserts } = await feed.snapshot();
  await feed.close();
  const names = upserts.flatMap(({ kind, value }) => (kind === 'agent' ? String(value?.['name']) : []));
  expect(names.toSorted()).toEqual(['Night shift', 'Zed']);
});

test('what unknown clients get is the organisation’s to say, with the version that it has', async () => {
  const said = await plane.admin.mutate(
    'setUnknownClients',
    'SetUnknownClientsInput',
    { unknownClients: 'DENY', expectedVersion: 1 },
    'organisation { unknownClients version }',
  );
  expect(said['organisation']).toEqual({ unknownClients: 'DENY', version: 2 });
  expect((await told()).value).toMatchObject({ unknownClients: 'DENY' });
  const stale = await userErrorsOf(plane, 'setUnknownClients', 'SetUnknownClientsInput', { unknownClients: 'ALLOW', expectedVersion: 1 });
  expect(stale).toMatchObject([{ code: 'STALE_VERSION' }]);
  await plane.admin.mutate('setUnknownClients', 'SetUnknownClientsInput', { unknownClients: 'ALLOW', dryRun: true }, 'organisation { version }');
  expect(await plane.admin.query('{ viewer { organisation { unknownClients } } }')).toEqual({ viewer: { organisation: { unknownClients: 'DENY' } } });
});

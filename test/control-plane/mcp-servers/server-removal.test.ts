/** A server goes with what is of use with it alone; whoever removes it sees before what that is, and records of its calls stay. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { newId } from '../../../shared/ids.ts';
import { writeUsageEvent } from '../../../shared/usage-event.ts';
import { startTestControlPlane, userErrorsOf, type TestControlPlane } from '../../support/control-plane.ts';
import { eventually } from '../../support/processes.ts';
import { usageEvent } from '../../support/usage.ts';

const HTTP = { transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/mcp' } as const;
const SCHEDULE = { period: 'DAILY', timezone: 'UTC' };
const IMPACT = 'impact { grants keysLeftWithout budgets quotas hasPolicy tools agents installRequests calls30d lastUsedAt }';
const idSchema = z.object({ id: z.string() });

let plane: TestControlPlane;
let count = 0;

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());

/** A server with everything that a server may have. */
async function furnished() {
  const slug = `server-${++count}`;
  const server = await plane.admin.createServer({ name: slug, slug, ...HTTP, policy: { ip: {} } });
  const kept = await plane.admin.createServer({ name: `kept-${count}`, ...HTTP });
  for (const grantServerIds of [[server.id], [server.id, kept.id]]) await plane.admin.createApiKey({ grantServerIds });
  const limit = async (name: string, type: string, input: Record<string, unknown>, field: string) =>
    idSchema.parse((await plane.admin.mutate(name, type, { name: slug, schedule: SCHEDULE, ...input }, `${field} { id }`))[field]).id;
  const limits = [
    await limit('createBudget', 'BudgetInput', { ownerType: 'MCP_SERVER', ownerId: server.id, limitUsd: '1' }, 'budget'),
    await limit('createQuota', 'QuotaInput', { ownerType: 'ORGANISATION', serverId: server.id, metric: 'REQUESTS', limit: '1' }, 'quota'),
  ];
  const spared = await limit('createBudget', 'BudgetInput', { ownerType: 'ORGANISATION', limitUsd: '1' }, 'budget');
  await plane.database.query(
    `insert into tools (id, organisation_id, mcp_server_id, name, definition, fingerprint, approved_definition, approved_fingerprint, risk, first_seen_at, last_seen_at)
     values ($1, $2, $3, 't', '{"name": "t"}', '', '{"name": "t"}', '', 'UNKNOWN', now(), now())`,
    [newId('tool'), plane.organisationId, server.id],
  );
  const clients = [{ name: 'any', clientNamePattern: `client-${count}`, allowedServerIds: [server.id, kept.id] }];
  const { agent } = await plane.admin.mutate('createAgent', 'CreateAgentInput', { name: slug, clients }, 'agent { id }');
  const requestId = newId('request');
  plane.usageQueue.append(writeUsageEvent(usageEvent({ requestId, organisationId: plane.organisationId, serverId: server.id, serverSlug: slug })));
  await eventually(() => (plane.usageQueue.size === 0 ? true : undefined), 'the event being stored');
  return { id: server.id, slug, keptId: kept.id, agentId: idSchema.parse(agent).id, limits, spared, requestId };
}

const remove = (input: Record<string, unknown>) => plane.admin.mutate('deleteServer', 'DeleteServerInput', input, `deletedId ${IMPACT}`);

test('a dry run tells what goes and what loses by it, and takes nothing away', async () => {
  const { id } = await furnished();
  const before = await plane.database.query('select (select count(*) from audit_events) as events, (select version from config_version) as version');
  const told = await remove({ id, dryRun: true });
  expect(told).toMatchObject({
    deletedId: null,
    impact: {
      grants: 2,
      keysLeftWithout: 1,
      budgets: 1,
      quotas: 1,
      hasPolicy: true,
      tools: 1,
      installRequests: 0,
      calls30d: '1',
      lastUsedAt: expect.any(String),
    },
  });
  expect(await plane.database.query('select (select count(*) from audit_events) as events, (select version from config_version) as version')).toEqual(before);
  expect((await remove({ id }))['impact']).toEqual(told['impact']);
});

test('everything of it goes in one change, and nothing else', async () => {
  const { id, slug, keptId, agentId, limits, spared, requestId } = await furnished();
  const grants = await plane.database.query('select id from access_grants where mcp_server_id = $1 order by id', [id]);
  const [policy] = await plane.database.query('select id from policies where owner_id = $1', [id]);
  expect(await remove({ id })).toMatchObject({ deletedId: id });
  const changes = await plane.database.query('select change from config_changes where version = (select version from config_version) order by position');
  const removal = (kind: string) => (row: unknown) => ({ change: { op: 'remove', kind, id: row } });
  expect(changes).toEqual([
    ...grants.map((grant) => removal('accessGrant')(grant['id'])),
    ...limits.map(removal('limit')),
    removal('policy')(policy?.['id']),
    {
      change: expect.objectContaining({
        op: 'upsert',
        kind: 'agent',
        value: expect.objectContaining({ id: agentId, clients: [expect.objectContaining({ serverIds: [keptId] })] }),
      }),
    },
    removal('mcpServer')(id),
  ]);
  for (const table of ['access_grants', 'tools']) expect(await plane.database.query(`select id from ${table} where mcp_server_id = $1`, [id])).toEqual([]);
  expect(await plane.database.query('select id from limits where id = any($1)', [[...limits, spared]])).toEqual([{ id: spared }]);
  const query = 'query($id: ID!, $requestId: String!) { server(id: $id) { id } usageRecord(requestId: $requestId) { mcp { serverSlug serverId } } }';
  expect(await plane.admin.query(query, { id, requestId })).toEqual({ server: null, usageRecord: { mcp: { serverSlug: slug, serverId: id } } });
  expect((await plane.admin.query('query($id: ID!) { server(id: $id) { grantedKeyCount } }', { id: keptId }))['server']).toEqual({ grantedKeyCount: 1 });
  const [event] = await plane.database.query(`select before, after from audit_events where target_id = $1 and action = 'deleteServer'`, [id]);
  expect(event).toMatchObject({ before: { slug, grants: grants.map(({ id: grantId }) => ({ id: grantId })) }, after: null });
  expect((await plane.admin.createServer({ name: 'Next', slug, ...HTTP })).slug).toBe(slug);
});

test('the tokens that data planes hold for it go with it, those of its users as well', async () => {
  const { id } = await plane.admin.createServer({ name: 'signed in', ...HTTP });
  const connections = [newId('upstreamConnection'), newId('upstreamConnection')].toSorted();
  for (const [index, connectionId] of connections.entries())
    await plane.database.query(`insert into upstream_connections (id, organisation_id, mcp_server_id, user_id, state) values ($1, $2, $3, $4, 'CONNECTED')`, [
      connectionId,
      plane.organisationId,
      id,
      index === 0 ? null : newId('user'),
    ]);
  await remove({ id });
  const told = await plane.database.query(`select change ->> 'id' as id from config_changes where change ->> 'kind' = 'upstreamToken' order by 1`);
  expect(told).toEqual(connections.map((connectionId) => ({ id: connectionId })));
});

test('a change that its author has not seen keeps it', async () => {
  const { id } = await plane.admin.createServer({ name: 'seen', ...HTTP });
  await plane.admin.mutate('updateServer', 'UpdateServerInput', { id, name: 'changed' }, 'server { id }');
  expect(await userErrorsOf(plane, 'deleteServer', 'DeleteServerInput', { id, expectedVersion: 1 })).toMatchObject([{ code: 'STALE_VERSION' }]);
});

test('of two who remove it one does, and whoever grants it meanwhile is told to try again or that it is gone', async () => {
  const { id } = await plane.admin.createServer({ name: 'contended', ...HTTP });
  const keys = await Promise.all(Array.from({ length: 4 }, () => plane.admin.createApiKey()));
  const grant = async (apiKeyId: string) => {
    const answer = await plane.ask('mutation($input: SetGrantsInput!) { setGrants(input: $input) { userErrors { code } } }', {
      input: { add: [{ apiKeyId, serverId: id }] },
    });
    return (
      answer.errors?.[0]?.extensions?.['code'] ??
      z.object({ userErrors: z.array(z.object({ code: z.string() })) }).parse(answer.data?.['setGrants']).userErrors[0]?.code ??
      'granted'
    );
  };
  const removals = [1, 2].map(() => userErrorsOf(plane, 'deleteServer', 'DeleteServerInput', { id }));
  const [granted, removed] = [await Promise.all(keys.map((key) => grant(key.id))), await Promise.all(removals)];
  expect(removed.flat()).toMatchObject([{ code: 'NOT_FOUND' }]);
  for (const outcome of granted) expect(['granted', 'NOT_FOUND', 'CONFLICT']).toContain(outcome);
  expect(await plane.database.query('select id from access_grants where mcp_server_id = $1', [id])).toEqual([]);
});

test('who may not see usage is not told of it', async () => {
  const { id } = await furnished();
  const { token } = await plane.newAdminToken({ permissions: ['SERVER_DELETE'] });
  const answer = await plane.ask(`mutation { deleteServer(input: {id: "${id}", dryRun: true}) { impact { grants calls30d } } }`, {}, token);
  expect(answer.data).toEqual({ deleteServer: { impact: { grants: 2, calls30d: null } } });
});

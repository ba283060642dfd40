/** What a key may call is told as the gateway judges it, for any number of keys in as many statements as for one. */
import 'reflect-metadata';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { effectiveServers } from '../../../control-plane/access-grants/effective-servers.ts';
import { grantCounts, grantsOfEach } from '../../../control-plane/access-grants/grants-of-each.ts';
import { findAgents } from '../../../control-plane/agents/agents.ts';
import { clientsSeen, clientUsage } from '../../../control-plane/agents/client-traffic.ts';
import { openOrm } from '../../../control-plane/database/orm.ts';
import { insideOrganisation } from '../../../control-plane/database/tenant-filter.ts';
import { usageOfEach } from '../../../control-plane/usage/usage-of-each.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';
import { recordingLog } from '../../support/recording-log.ts';

let plane: TestControlPlane;
let servers: { id: string; slug: string }[];

beforeAll(async () => {
  plane = await startTestControlPlane();
  servers = [];
  for (const slug of ['one', 'two', 'three', 'off'])
    servers.push(
      await plane.admin.createServer({ name: slug, slug, transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/', enabled: slug !== 'off' }),
    );
});
afterAll(() => plane?.close());

const everyServer = () => ({ grantServerIds: servers.map(({ id }) => id) });
const serversSchema = z.object({ apiKey: z.object({ effectiveServers: z.array(z.object({ slug: z.string() })) }) });

async function effective(id: string): Promise<string[]> {
  const answer = await plane.admin.query('query($id: ID!) { apiKey(id: $id) { effectiveServers { slug } } }', { id });
  return serversSchema.parse(answer).apiKey.effectiveServers.map(({ slug }) => slug);
}

test('grants, scopes, what is switched off, and the agent all count', async () => {
  const key = await plane.admin.createApiKey(everyServer());
  const [one, two] = servers;
  expect(await effective(key.id)).toEqual(['one', 'two', 'three']);
  const other = await plane.admin.createApiKey();
  await plane.admin.mutate('updateServer', 'UpdateServerInput', { id: two?.id, scope: { apiKeyId: other.id } }, 'server { id }');
  expect(await effective(key.id)).toEqual(['one', 'three']);
  await plane.admin.mutate('updateServer', 'UpdateServerInput', { id: two?.id, scope: { organisation: true } }, 'server { id }');
  await plane.database.query(`update access_grants set expires_at = now() - interval '1 s' where api_key_id = $1 and mcp_server_id = $2`, [key.id, one?.id]);
  expect(await effective(key.id)).toEqual(['two', 'three']);
  const clients = [{ name: 'c', clientNamePattern: 'c', allowedServerIds: [two?.id] }];
  const { agent } = await plane.admin.mutate('createAgent', 'CreateAgentInput', { name: 'Bound', clients }, 'agent { id }');
  await plane.admin.mutate('updateApiKey', 'UpdateApiKeyInput', { id: key.id, agentId: z.object({ id: z.string() }).parse(agent).id }, 'apiKey { id }');
  expect(await effective(key.id)).toEqual(['two']);
  await plane.admin.mutate('setApiKeyDisabled', 'SetApiKeyDisabledInput', { id: key.id, disabled: true }, 'apiKey { id }');
  expect(await effective(key.id)).toEqual([]);
});

test('the grants of a key come in pages, and are counted when asked', async () => {
  const key = await plane.admin.createApiKey(everyServer());
  const other = await plane.admin.createApiKey();
  const page = async (after: string | null) => {
    const query = `query($after: String) { keys: apiKeys(first: 200, filter: {status: [ACTIVE]}) { nodes { id grants(first: 3, after: $after) {
      totalCount nodes { server { slug } } pageInfo { hasNextPage endCursor } } } } }`;
    const schema = z.object({
      nodes: z.array(
        z.object({
          id: z.string(),
          grants: z.object({
            totalCount: z.number(),
            nodes: z.array(z.object({ server: z.object({ slug: z.string() }) })),
            pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullable() }),
          }),
        }),
      ),
    });
    const { nodes } = schema.parse((await plane.admin.query(query, { after }))['keys']);
    return (id: string) => nodes.find((node) => node.id === id)?.grants;
  };
  const first = await page(null);
  expect(first(key.id)).toMatchObject({ totalCount: 4, nodes: ['one', 'two', 'three'].map((slug) => ({ server: { slug } })), pageInfo: { hasNextPage: true } });
  expect(first(other.id)).toMatchObject({ totalCount: 0, nodes: [], pageInfo: { hasNextPage: false } });
  const second = await page(first(key.id)?.pageInfo.endCursor ?? null);
  expect(second(key.id)).toMatchObject({ totalCount: 4, nodes: [{ server: { slug: 'off' } }], pageInfo: { hasNextPage: false } });
});

test('any number of keys and clients costs as many statements as one', async () => {
  const orm = await openOrm(plane.settings.databaseUrl, recordingLog().log);
  try {
    const keys = [];
    for (let made = 0; made < 12; made++) keys.push((await plane.admin.createApiKey(everyServer())).id);
    const { agents } = await plane.admin.query('{ agents(first: 20) { nodes { id } } }');
    const agentIds = z
      .object({ nodes: z.array(z.object({ id: z.string() })) })
      .parse(agents)
      .nodes.map(({ id }) => id);
    const statements = vi.spyOn(orm.em.getConnection(), 'execute');
    const costOf = async (keyIds: string[], ids: string[]) => {
      const { organisationId } = plane;
      const em = insideOrganisation(orm.em, organisationId);
      const [ofKeys, grants, seen] = [
        effectiveServers(em),
        grantsOfEach(em, organisationId, 'apiKeyId', grantCounts(em, organisationId, 'apiKeyId')),
        clientsSeen(em, organisationId),
      ];
      const usage = clientUsage(usageOfEach(em, organisationId));
      const before = statements.mock.calls.length;
      const page = { first: 2, after: undefined };
      await findAgents(em, organisationId, ids);
      await Promise.all([
        ...keyIds.flatMap((id) => [ofKeys.load(id), grants.load({ ownerId: id, page, isCounted: true })]),
        ...ids.flatMap((id) => [seen.load(`agc_${id}`), usage.load(`agc_${id}`)]),
      ]);
      return statements.mock.calls.length - before;
    };
    // The first time also opens connections.
    await costOf(keys, agentIds);
    const ofOne = await costOf(keys.slice(0, 1), agentIds.slice(0, 1));
    expect(ofOne).toBeGreaterThan(5);
    expect(await costOf(keys, agentIds)).toBe(ofOne);
  } finally {
    await orm.close(true);
  }
});

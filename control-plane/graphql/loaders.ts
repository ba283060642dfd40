/** Looks up what other objects point at, one statement for all of them: made anew for each request, so that nothing is shared between callers. */
import type { EntityManager } from '@mikro-orm/postgresql';
import DataLoader from 'dataloader';
import type { WindowCounts } from '../../shared/window-counts.ts';
import { effectiveServers, type EffectiveServers } from '../access-grants/effective-servers.ts';
import { grantCounts, grantsOfEach, type GrantCounts, type GrantsOfEach } from '../access-grants/grants-of-each.ts';
import { findAgents, type Agent } from '../agents/agents.ts';
import { clientUsage, clientsSeen, type ClientUsage } from '../agents/client-traffic.ts';
import { ApiKeyEntity, type ApiKey } from '../api-keys/api-key.entity.ts';
import type { CatalogEntry } from '../catalog/catalog-entry.ts';
import { currentVersion } from '../config-feed/current-version.ts';
import { McpServerEntity, type McpServer } from '../mcp-servers/mcp-server.entity.ts';
import { UserEntity, type User } from '../members/user.entity.ts';
import { sumCosts, type CostSpan } from '../money/window-costs.ts';
import { PolicyEntity, type Policy } from '../policies/policy.entity.ts';
import { findRoles, type Role } from '../roles/roles.ts';
import type { Services } from '../services.ts';
import { ServerHealthEntity, type ServerHealthRow } from '../server-health/server-health.entity.ts';
import { TeamEntity, type Team } from '../teams/team.entity.ts';
import { ToolEntity } from '../tools/tool.entity.ts';
import { UpstreamConnectionEntity, type UpstreamConnection } from '../upstream-oauth/upstream-connection.entity.ts';
import { placesOfRules, type NamedRule, type RulePlace } from '../usage/rule-places.ts';
import { usageOfEach, type UsageOfEach } from '../usage/usage-of-each.ts';

/** By id; policies by the id of their owner. Null where the caller's organisation has none. */
export interface Loaders {
  readonly apiKeys: DataLoader<string, ApiKey | null>;
  readonly mcpServers: DataLoader<string, McpServer | null>;
  readonly catalogEntries: DataLoader<string, CatalogEntry | null>;
  /** By the server, how many keys hold a grant for it. */
  readonly grantCounts: GrantCounts;
  readonly grantsOfServers: GrantsOfEach;
  /** By the entry that they were installed from, the oldest of each. */
  readonly installedServers: DataLoader<string, McpServer | null>;
  readonly teams: DataLoader<string, Team | null>;
  /** The one version that the configuration has, by any name. */
  readonly configVersion: DataLoader<string, string>;
  /** By the name of a tool, the servers that list one so called. */
  readonly toolHolders: DataLoader<string, string[]>;
  readonly policies: DataLoader<string, Policy | null>;
  readonly upstreamConnections: DataLoader<ConnectionHolder, UpstreamConnection | null, string>;
  readonly users: DataLoader<string, User | null>;
  readonly roles: DataLoader<string, Role | null>;
  /** By server, what each source tells of it. */
  readonly serverHealth: DataLoader<string, ServerHealthRow[]>;
  /** What is used up of windows, by the names under which they are counted. */
  readonly windowCounts: DataLoader<string, WindowCounts>;
  /** What the recorded calls in windows of budgets cost, in nano-USD. */
  readonly windowCosts: DataLoader<CostSpan, bigint>;
  readonly usage: UsageOfEach;
  readonly agents: DataLoader<string, Agent | null>;
  /** When each client of an agent was last seen. */
  readonly clientsSeen: DataLoader<string, Date | null>;
  /** What each client of an agent was used for in the last 24 hours. */
  readonly clientUsage: ClientUsage;
  readonly effectiveServers: EffectiveServers;
  readonly grantsOfKeys: GrantsOfEach;
  /** Where the rules that refused something stand; null for those of nouns without a place. */
  readonly rulePlaces: DataLoader<NamedRule, RulePlace | null, string>;
}

/** A server, and whose connection to it; null for that of the organisation. */
export interface ConnectionHolder {
  readonly serverId: string;
  readonly userId: string | null;
}

/** Usage is not behind the tenant filter of the entity manager, so the organisation is named. */
export function makeLoaders(em: EntityManager, organisationId: string, { windowCounts, catalog }: Pick<Services, 'windowCounts' | 'catalog'>): Loaders {
  const ofServers = grantCounts(em, organisationId, 'mcpServerId');
  const usage = usageOfEach(em, organisationId);
  return {
    agents: loader(
      (ids) => findAgents(em, organisationId, ids),
      ({ id }) => id,
    ),
    clientsSeen: clientsSeen(em, organisationId),
    clientUsage: clientUsage(usage),
    effectiveServers: effectiveServers(em),
    grantsOfKeys: grantsOfEach(em, organisationId, 'apiKeyId', grantCounts(em, organisationId, 'apiKeyId')),
    apiKeys: loader(
      (ids) => em.find(ApiKeyEntity, { id: { $in: ids } }),
      ({ id }) => id,
    ),
    mcpServers: loader(
      (ids) => em.find(McpServerEntity, { id: { $in: ids } }),
      ({ id }) => id,
    ),
    catalogEntries: loader(
      (ids) => catalog.findAll(em, ids),
      ({ id }) => id,
    ),
    grantCounts: ofServers,
    grantsOfServers: grantsOfEach(em, organisationId, 'mcpServerId', ofServers),
    // Of several with one key the last one stays.
    installedServers: loader(
      (ids) => em.find(McpServerEntity, { catalogEntryId: { $in: ids } }, { orderBy: { id: 'desc' } }),
      ({ catalogEntryId }) => catalogEntryId ?? '',
    ),
    teams: loader(
      (ids) => em.find(TeamEntity, { id: { $in: ids } }),
      ({ id }) => id,
    ),
    policies: loader(
      (ids) => em.find(PolicyEntity, { ownerId: { $in: ids } }),
      ({ ownerId }) => ownerId,
    ),
    users: loader(
      (ids) => em.find(UserEntity, { id: { $in: ids } }),
      ({ id }) => id,
    ),
    roles: loader(
      (ids) => findRoles(em, ids),
      ({ id }) => id,
    ),
    configVersion: new DataLoader(async (names) => {
      const version = await currentVersion(em.fork());
      return names.map(() => version);
    }),
    serverHealth: new DataLoader(async (ids) => {
      const rows = Map.groupBy(await em.fork().find(ServerHealthEntity, { serverId: { $in: [...ids] } }), ({ serverId }) => serverId);
      return ids.map((id) => rows.get(id) ?? []);
    }),
    toolHolders: new DataLoader(async (names) => {
      const found = await em.find(ToolEntity, { name: { $in: [...names] }, isGone: false }, { fields: ['name', 'mcpServerId'] });
      const holders = Map.groupBy(found, ({ name }) => name);
      return names.map((name) => (holders.get(name) ?? []).map(({ mcpServerId }) => mcpServerId));
    }),
    upstreamConnections: new DataLoader(
      async (holders) => {
        const users = holders.flatMap(({ userId }) => (userId === null ? [] : [userId]));
        const ofWhom = { $or: [{ userId: null }, { userId: { $in: users } }] };
        const found = await em.find(UpstreamConnectionEntity, { mcpServerId: { $in: holders.map(({ serverId }) => serverId) }, ...ofWhom });
        const byHolder = new Map(found.map((connection) => [`${connection.mcpServerId} ${connection.userId ?? ''}`, connection]));
        return holders.map(({ serverId, userId }) => byHolder.get(`${serverId} ${userId ?? ''}`) ?? null);
      },
      { cacheKeyFn: ({ serverId, userId }) => `${serverId} ${userId ?? ''}` },
    ),
    windowCounts: new DataLoader((keys) => windowCounts.read(organisationId, keys)),
    windowCosts: new DataLoader((spans) => sumCosts(em, organisationId, spans), { cache: false }),
    usage,
    rulePlaces: new DataLoader((rules) => placesOfRules(em, rules), { cacheKeyFn: ({ kind, id, path }) => `${kind} ${id} ${path}` }),
  };
}

/** Those of the ids that there are, in their order. */
export async function loadPresent<Entity extends object>(loader: DataLoader<string, Entity | null>, ids: readonly string[]): Promise<Entity[]> {
  return (await Promise.all(ids.map((id) => loader.load(id)))).filter((entity) => entity !== null);
}

function loader<Entity>(find: (ids: string[]) => Promise<Entity[]>, keyOf: (entity: Entity) => string): DataLoader<string, Entity | null> {
  return new DataLoader(async (ids) => {
    const found = new Map((await find([...ids])).map((entity) => [keyOf(entity), entity]));
    return ids.map((id) => found.get(id) ?? null);
  });
}

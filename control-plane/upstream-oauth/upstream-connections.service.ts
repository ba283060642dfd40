/** The connections of servers to their authorisation servers: made and taken away with the configuration, and renewed when a data plane asks. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { newId } from '../../shared/ids.ts';
import type { ConfigRemoval } from '../../shared/config-document.ts';
import { tokenName } from '../../shared/upstream-token.ts';
import type { DataPlaneCaller } from '../access/caller.ts';
import { appendConfigChanges } from '../config-feed/change-log.ts';
import { acrossOrganisations } from '../database/roles.ts';
import { ACROSS_TENANTS, insideOrganisation } from '../database/tenant-filter.ts';
import { notFound } from '../graphql/input-refused.ts';
import { McpServerEntity, type McpServer } from '../mcp-servers/mcp-server.entity.ts';
import type { StoredAuth } from '../mcp-servers/stored-auth.ts';
import { noteNoSignIn } from './sign-in-health.ts';
import type { TokenKeeper } from './token-keeper.ts';
import { removalOfUpstreamToken } from './upstream-connection.document.ts';
import { UpstreamConnectionEntity, type ConnectionState, type UpstreamConnection } from './upstream-connection.entity.ts';

/** What a data plane asks for. */
export interface WantedToken {
  readonly serverId: string;
  readonly userId: string | null;
  /** The last one that it knows of, by its name; null for none. It is refused by the server, or has expired. */
  readonly token: string | null;
}

export interface RenewedToken {
  readonly state: ConnectionState;
  /** The name of the newest token, which is on its way; null while there is none. */
  readonly token: string | null;
}

/** A server that refuses every token is not a reason to get one for each of its answers. */
const RENEWED_MILLIS_MIN = 10_000;

/** In the transaction of a change to how a server is signed in to: what was connected is so no longer. */
export async function resetConnections(em: EntityManager, server: Pick<McpServer, 'id' | 'organisationId'>, auth: StoredAuth): Promise<void> {
  const removals = await takeConnectionsAway(em, server.id);
  if (removals.length > 0) await appendConfigChanges(em, removals);
  await noteNoSignIn(em, server.id, auth);
  if (auth.type !== 'OAUTH2' || auth.mode !== 'CLIENT_CREDENTIALS') return;
  const { id: mcpServerId, organisationId } = server;
  const now = new Date();
  em.create(UpstreamConnectionEntity, { id: newId('upstreamConnection'), organisationId, mcpServerId, state: 'NOT_CONNECTED', scopes: [], refreshDueAt: now });
}

/** All that a server has, whosever they are. Answers what has the data planes forget their tokens, for the caller to append. */
export async function takeConnectionsAway(em: EntityManager, mcpServerId: string): Promise<ConfigRemoval[]> {
  const old = await em.find(UpstreamConnectionEntity, { mcpServerId });
  if (old.length > 0) await em.nativeDelete(UpstreamConnectionEntity, { mcpServerId });
  return old.map(removalOfUpstreamToken);
}

export class UpstreamConnectionsService {
  readonly #em: EntityManager;
  readonly #keeper: Pick<TokenKeeper, 'refreshNow'>;

  constructor(em: EntityManager, keeper: Pick<TokenKeeper, 'refreshNow'>) {
    this.#em = em;
    this.#keeper = keeper;
  }

  /** Gets a newer token than the one that is named, if there is one to be had; once, however many data planes ask. */
  async renew(caller: DataPlaneCaller, { serverId, userId, token }: WantedToken): Promise<RenewedToken> {
    const server = await acrossOrganisations(this.#em).findOne(McpServerEntity, { id: serverId }, ACROSS_TENANTS);
    const isServed = server !== null && (caller.organisationIds === null || caller.organisationIds.includes(server.organisationId));
    if (!isServed) throw notFound('serverId', 'server');
    const connection = await insideOrganisation(this.#em, server.organisationId).findOne(UpstreamConnectionEntity, { mcpServerId: serverId, userId });
    if (connection === null) return { state: 'NEEDS_SIGN_IN', token: null };
    return toldOf(isWorthAsking(connection, token) ? ((await this.#keeper.refreshNow(connection)) ?? connection) : connection);
  }
}

function isWorthAsking(connection: UpstreamConnection, known: string | null): boolean {
  const { state, fetchedAt, expiresAt, refreshDueAt, failures } = connection;
  const now = Date.now();
  const isExpired = expiresAt == null || expiresAt.getTime() <= now;
  if (state === 'SIGN_IN_EXPIRED' || (nameOf(connection) !== known && !isExpired)) return false;
  if (failures > 0 && refreshDueAt != null && refreshDueAt.getTime() > now) return false;
  return isExpired || fetchedAt == null || now - fetchedAt.getTime() >= RENEWED_MILLIS_MIN;
}

function nameOf(connection: UpstreamConnection): string | null {
  return connection.generation === 0 ? null : tokenName(connection);
}

function toldOf(connection: UpstreamConnection): RenewedToken {
  return { state: connection.state, token: nameOf(connection) };
}

/** Turns what is asked for of servers into conditions; fields are joined by AND, a list by OR. */
import type { EntityManager, FilterQuery } from '@mikro-orm/postgresql';
import { z } from 'zod';
import type { Transport, UpstreamAuthType } from '../../shared/mcp-server.ts';
import { AccessGrantEntity } from '../access-grants/access-grant.entity.ts';
import { containing } from '../database/sql-condition.ts';
import { healthSql, type ServerHealth } from '../server-health/server-health.ts';
import type { McpServer } from './mcp-server.entity.ts';

const SEARCHED = ['name', 'slug', 'description'] as const;
const idsSchema = z.array(z.object({ id: z.string() }));

/** What is null or absent asks for nothing. */
export interface ServerFilter {
  /** Part of the name, the slug or the description, whatever the case. */
  readonly search?: string | null;
  readonly slug?: readonly string[] | null;
  readonly transport?: readonly Transport[] | null;
  readonly authType?: readonly UpstreamAuthType[] | null;
  readonly source?: readonly McpServer['source'][] | null;
  readonly health?: readonly ServerHealth[] | null;
  readonly enabled?: boolean | null;
  readonly isPublic?: boolean | null;
  readonly teamId?: readonly string[] | null;
  /** Keys that hold a grant. */
  readonly grantedTo?: readonly string[] | null;
}

export async function conditionsOf(em: EntityManager, filter: ServerFilter): Promise<FilterQuery<McpServer>> {
  const { search, slug, transport, authType, source, health, enabled, isPublic, teamId, grantedTo } = filter;
  return {
    ...(search == null ? {} : { $or: SEARCHED.map((field) => ({ [field]: { $ilike: containing(search) } })) }),
    ...(slug == null ? {} : { slug: { $in: [...slug] } }),
    ...(transport == null ? {} : { transport: { $in: [...transport] } }),
    ...(authType == null ? {} : { auth: { type: { $in: [...authType] } } }),
    ...(source == null ? {} : { source: { $in: [...source] } }),
    ...(enabled == null ? {} : { enabled }),
    ...(isPublic == null ? {} : { isPublic }),
    ...(teamId == null ? {} : { teamId: { $in: [...teamId] } }),
    $and: [
      ...(grantedTo == null ? [] : [{ id: { $in: await grantedServers(em, grantedTo) } }]),
      ...(health == null ? [] : [{ id: { $in: await serversOfHealth(em, health) } }]),
    ],
  };
}

async function grantedServers(em: EntityManager, apiKeyIds: readonly string[]): Promise<string[]> {
  const grants = await em.find(AccessGrantEntity, { apiKeyId: { $in: [...apiKeyIds] } }, { fields: ['mcpServerId'] });
  return [...new Set(grants.map(({ mcpServerId }) => mcpServerId))];
}

/** PostgreSQL's own belt keeps this within the organisation. */
async function serversOfHealth(em: EntityManager, health: readonly ServerHealth[]): Promise<string[]> {
  const { sql, values } = healthSql(health);
  return idsSchema.parse(await em.execute(`select id from mcp_servers where ${sql}`, values)).map(({ id }) => id);
}

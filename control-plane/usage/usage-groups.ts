/** By what usage is grouped: the dimension, the fields of the filter that ask for it, and what its values are called. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { AGENT_SQL, type Dimension } from './usage-dimensions.ts';
import type { UsageFilter } from './usage-filter.ts';

/** Where a client counts as no agent, what it calls itself stands for one. */
export const GROUPS = {
  SERVER: { dimension: 'server_id', fields: ['serverId', 'serverSlug'], names: 'select id, slug as name from mcp_servers' },
  TOOL: { dimension: 'tool', fields: ['tool'] },
  AGENT: { dimension: 'agent_id', sql: AGENT_SQL, fields: ['agentId'], names: 'select id, name from agents' },
  API_KEY: { dimension: 'api_key_id', fields: ['apiKeyId'], names: 'select id, name from api_keys' },
  TEAM: { dimension: 'team_id', fields: ['teamId'], names: 'select id, name from teams' },
  USER: { dimension: 'user_id', fields: ['userId'] },
  USER_DOMAIN: { dimension: 'user_domain', fields: ['userDomain'] },
  DECISION: { dimension: 'decision', fields: ['decision'] },
  DENIAL_CODE: { dimension: 'code', sql: 'upper(code)', fields: ['denialCode'] },
  DLP_OUTCOME: { dimension: 'dlp_outcome', fields: ['dlpOutcome'] },
  TRANSPORT: { dimension: 'transport', fields: ['transport'] },
  CLIENT: { dimension: 'client_name', fields: ['clientName'] },
} as const satisfies Record<string, { dimension: Dimension; sql?: string; fields: readonly (keyof UsageFilter)[]; names?: string }>;
export type UsageGroup = keyof typeof GROUPS;

/** The group as SQL: what has no value is in the group of the empty text. */
export function keySql(group: UsageGroup): string {
  const told = GROUPS[group];
  return `coalesce(${'sql' in told ? told.sql : told.dimension}, '')`;
}

const namesSchema = z.array(z.object({ id: z.string(), name: z.string() }));

/** What people call the values; a value without a name, as of something that is gone, is called by itself. */
export async function labelsOf(em: EntityManager, organisationId: string, group: UsageGroup, keys: readonly string[]): Promise<(key: string) => string> {
  const told = GROUPS[group];
  const rows =
    'names' in told && keys.length > 0
      ? await em.execute(`${told.names} where organisation_id = ? and id in (${keys.map(() => '?').join(', ')})`, [organisationId, ...keys])
      : [];
  const names = new Map(namesSchema.parse(rows).map(({ id, name }) => [id, name]));
  return (key) => (key === '' ? 'none' : (names.get(key) ?? key));
}

/** Turns what is asked for of keys into conditions: all that is given must hold, a list when one of its members does. */
import { raw, type FilterQuery } from '@mikro-orm/core';
import { containing } from '../database/sql-condition.ts';
import type { ApiKey } from './api-key.entity.ts';
import { conditionOfStatus, type ApiKeyStatus } from './api-key-status.ts';

export interface ApiKeyFilter {
  /** Part of name or prefix. */
  readonly search?: string | null;
  readonly type?: readonly ApiKey['type'][] | null;
  readonly status?: readonly ApiKeyStatus[] | null;
  readonly teamId?: readonly string[] | null;
  readonly userId?: readonly string[] | null;
  /** Servers for which they have a grant. */
  readonly serverId?: readonly string[] | null;
  readonly agentId?: readonly string[] | null;
  /** Not used since then, or never. */
  readonly unusedSince?: Date | null;
}

export function conditionsOf({ search, type, status, teamId, userId, serverId, agentId, unusedSince }: ApiKeyFilter, now: Date): FilterQuery<ApiKey> {
  const conditions: FilterQuery<ApiKey>[] = [];
  if (search != null) conditions.push({ $or: [{ name: { $ilike: containing(search) } }, { prefix: { $ilike: containing(search) } }] });
  if (type != null) conditions.push({ type: { $in: [...type] } });
  if (status != null) conditions.push({ $or: status.map((each) => conditionOfStatus(each, now)) });
  if (teamId != null) conditions.push({ teamId: { $in: [...teamId] } });
  if (userId != null) conditions.push({ userId: { $in: [...userId] } });
  if (agentId != null) conditions.push({ agentId: { $in: [...agentId] } });
  if (serverId != null) conditions.push(grantedOneOf(serverId));
  if (unusedSince != null) conditions.push({ $or: [{ lastUsedAt: null }, { lastUsedAt: { $lt: unusedSince } }] });
  return { $and: conditions };
}

function grantedOneOf(serverIds: readonly string[]): FilterQuery<ApiKey> {
  const places = serverIds.map(() => '?').join(', ');
  const granted = (alias: string) => `exists (select from access_grants where api_key_id = ${alias}.id and mcp_server_id in (${places}))`;
  return serverIds.length === 0 ? { id: { $in: [] } } : { [raw(granted, [...serverIds])]: [] };
}

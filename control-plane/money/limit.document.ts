/** Turns a stored limit into what the data planes obey; one that is not active is none to them. */
import type { ConfigChange, ConfigUpsert } from '../../shared/config-document.ts';
import type { Limit as LimitDocument } from '../../shared/limit.ts';
import type { Limit } from './limit.entity.ts';

export function toLimitDocument(limit: Limit): LimitDocument {
  return {
    id: limit.id,
    organisationId: limit.organisationId,
    name: limit.name,
    ownerType: limit.ownerType,
    ownerId: limit.ownerId,
    mcpServerId: limit.mcpServerId ?? null,
    tool: limit.tool ?? null,
    metric: limit.metric,
    amount: limit.amount,
    period: limit.period,
    timezone: limit.timezone,
    startAtMillis: limit.startAt.getTime(),
    endAtMillis: limit.endAt?.getTime() ?? null,
    countedSinceMillis: limit.countedSince.getTime(),
    rollover: limit.rollover,
    mode: limit.mode,
    allotmentCalls: limit.allotmentCalls ?? null,
  };
}

export function upsertOfLimit(limit: Limit): ConfigUpsert {
  return { op: 'upsert', kind: 'limit', value: toLimitDocument(limit) };
}

export function changeOfLimit(limit: Limit): ConfigChange {
  return limit.active ? upsertOfLimit(limit) : removalOfLimit(limit.id);
}

export function removalOfLimit(id: string): ConfigChange {
  return { op: 'remove', kind: 'limit', id };
}

/** A tool as it is stored: what its server says of it now, what it said when that was approved, and what people decided. */
import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import type { ToolDefinition } from '../../shared/tool-definition.ts';
import { tenantFilter } from '../database/tenant-filter.ts';
import type { ToolRisk } from './tool-risk.ts';

export const ToolEntity = defineEntity({
  name: 'Tool',
  tableName: 'tools',
  filters: tenantFilter,
  properties: {
    id: p.string().primary(),
    organisationId: p.string(),
    mcpServerId: p.string(),
    name: p.string(),
    definition: p.json<ToolDefinition>(),
    fingerprint: p.string(),
    /** The first one that was seen counts as approved until somebody says otherwise. */
    approvedDefinition: p.json<ToolDefinition>(),
    approvedFingerprint: p.string(),
    isChanged: p.boolean().default(false),
    /** By hints and name. */
    risk: p.string().$type<ToolRisk>(),
    /** What somebody who knows better has said. */
    correctedRisk: p.string().$type<ToolRisk>().nullable(),
    enabled: p.boolean().default(true),
    /** When somebody first approved it. */
    reviewedAt: p.datetime().nullable(),
    firstSeenAt: p.datetime(),
    lastSeenAt: p.datetime(),
    changedAt: p.datetime().nullable(),
    /** The server did not list it the last time. */
    isGone: p.boolean().default(false),
  },
});
export type Tool = InferEntity<typeof ToolEntity>;

export function effectiveRisk({ correctedRisk, risk }: Pick<Tool, 'correctedRisk' | 'risk'>): ToolRisk {
  return correctedRisk ?? risk;
}

/** What can be exported: usage records and audit events, each with its permission, its filter, and how it is counted and sent. */
import type { ServerResponse } from 'node:http';
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import type { Permission } from '../access/permissions.ts';
import { sendAudit } from '../audit/export-audit.ts';
import { auditConditionOf, type AuditFilter } from '../audit/audit-filter.ts';
import type { SqlCondition } from '../database/sql-condition.ts';
import type { ExportFormat } from '../export/export-form.ts';
import type { TenantReader } from '../request-context.ts';
import type { Services } from '../services.ts';
import { RECORDS } from '../usage/usage-dimensions.ts';
import { conditionOf, type UsageFilter } from '../usage/usage-filter.ts';
import { sendUsage } from '../usage-export/export-usage.ts';

export const EXPORT_KINDS = ['USAGE', 'AUDIT'] as const;
export type ExportKind = (typeof EXPORT_KINDS)[number];

const moment = z.coerce.date().nullable().default(null);
const range = z.strictObject({ gte: moment, lt: moment });
const texts = z.array(z.string().max(500)).max(100).nullable().default(null);

/** Every field of the filter is here, so that none is forgotten on its way into the database and back. */
const usageFilterSchema = z.strictObject({
  range,
  serverId: texts,
  serverSlug: texts,
  tool: texts,
  apiKeyId: texts,
  teamId: texts,
  userId: texts,
  userDomain: texts,
  clientName: texts,
  agentId: texts,
  agentClientId: texts,
  decision: texts,
  denialCode: texts,
  reason: texts,
  isObserved: z.boolean().nullable().default(null),
  observedReason: texts,
  observedRuleId: texts,
  dlpOutcome: texts,
  status: z.array(z.int()).max(100).nullable().default(null),
  rpcMethod: texts,
  transport: texts,
  requestId: texts,
  traceId: texts,
  upto: z.string().nullable().default(null),
} satisfies Record<keyof UsageFilter, z.ZodType>);

const auditFilterSchema = z.strictObject({
  range: range.nullable().default(null),
  actorId: texts,
  action: texts,
  targetId: texts,
  requestId: texts,
  search: z.string().max(500).nullable().default(null),
  upto: z.string().nullable().default(null),
} satisfies Record<keyof AuditFilter, z.ZodType>);

export interface ExportOf {
  readonly filter: unknown;
  readonly format: ExportFormat;
  /** The last one that belongs to it. */
  readonly upto: string;
}

interface ExportSource {
  readonly permission: Permission;
  /** Parses a filter as it was given or stored. */
  readonly filter: z.ZodType;
  /** Where records or events end now. */
  end(services: Services, em: EntityManager, organisationId: string): Promise<string>;
  /** What is to be counted. */
  counted(organisationId: string, filter: unknown, upto: string): { readonly from: string; readonly where: SqlCondition };
  send(services: Services, reader: TenantReader, wanted: ExportOf, response: ServerResponse): Promise<void>;
}

export const EXPORT_SOURCES: Readonly<Record<ExportKind, ExportSource>> = {
  USAGE: {
    permission: 'USAGE_READ',
    filter: usageFilterSchema,
    end: ({ usageRecords }, em, organisationId) => usageRecords.lastSequence(em, organisationId),
    counted: (organisationId, filter, upto) => ({ from: RECORDS, where: conditionOf(organisationId, { ...usageFilterSchema.parse(filter), upto }) }),
    send: ({ usageRecords }, reader, { filter, format, upto }, response) =>
      sendUsage(usageRecords, reader, { format, filter: { ...usageFilterSchema.parse(filter), upto } }, response),
  },
  AUDIT: {
    permission: 'AUDIT_READ',
    filter: auditFilterSchema,
    end: ({ auditEvents }, em, organisationId) => auditEvents.lastPosition(em, organisationId),
    counted: (organisationId, filter, upto) => ({
      from: 'audit_events',
      where: auditConditionOf(organisationId, { ...auditFilterSchema.parse(filter), upto }),
    }),
    send: ({ auditEvents }, reader, { filter, format, upto }, response) =>
      sendAudit(auditEvents, reader, { format, filter: { ...auditFilterSchema.parse(filter), upto } }, response),
  },
};

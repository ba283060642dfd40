/** Streams audit events over HTTP, as they were hashed and with their hashes. */
import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import { exportForms, type ExportFields, type ExportFormat } from '../export/export-form.ts';
import { exportFormat, exportMoment, exportText, exportTexts, readExportParameters } from '../export/export-parameters.ts';
import { streamExport } from '../export/stream-export.ts';
import { asAdmin, type RequestContext, type TenantReader } from '../request-context.ts';
import type { AuditEventsService } from './audit-events.service.ts';
import type { AuditFilter } from './audit-filter.ts';
import type { AuditRow } from './audit-row.ts';

const FIELDS = {
  organisationId: (row) => row.organisationId,
  position: (row) => row.position,
  id: (row) => row.id,
  occurredAt: (row) => row.occurredAt,
  actorKind: (row) => row.actorKind,
  actorId: (row) => row.actorId,
  action: (row) => row.action,
  targetId: (row) => row.targetId,
  targetLabel: (row) => row.targetLabel,
  before: (row) => row.before,
  after: (row) => row.after,
  requestId: (row) => row.requestId,
  previousHash: (row) => row.previousHash,
  hash: (row) => row.hash,
} as const satisfies ExportFields<AuditRow>;
const FORMS = exportForms<AuditRow>(FIELDS);

const querySchema = z.strictObject({
  format: exportFormat,
  gte: exportMoment,
  lt: exportMoment,
  actorId: exportTexts,
  action: exportTexts,
  targetId: exportTexts,
  requestId: exportTexts,
  search: exportText,
});

/** Oldest first; what is left open ends now, so that an export ends too. Throws before anything is sent when the caller may not, or asks for what there is not. */
export async function exportAudit(context: RequestContext, search: URLSearchParams, response: ServerResponse): Promise<void> {
  const admin = asAdmin(context, 'AUDIT_READ');
  const { format, gte, lt, actorId, action, targetId, requestId, search: text } = readExportParameters(querySchema, search);
  const lists = { actorId: actorId ?? null, action: action ?? null, targetId: targetId ?? null, requestId: requestId ?? null };
  const filter = { ...lists, search: text ?? null, range: { gte: gte ?? null, lt: lt ?? new Date() } };
  await sendAudit(context.services.auditEvents, admin, { format, filter }, response);
}

/** Throws before anything is sent when the first page cannot be read. */
export async function sendAudit(
  events: AuditEventsService,
  reader: TenantReader,
  { format, filter }: { readonly format: ExportFormat; readonly filter: AuditFilter },
  response: ServerResponse,
): Promise<void> {
  await streamExport(response, `audit.${format}`, FORMS[format], (page) => events.list(reader, filter, 'ASC', page, false));
}

/** Streams usage records over HTTP. */
import type { ServerResponse } from 'node:http';
import { streamExport } from '../export/stream-export.ts';
import { asAdmin, type RequestContext, type TenantReader } from '../request-context.ts';
import { USAGE_EXPORT_FORMS } from './export-lines.ts';
import type { UsageRecordsService } from '../usage/usage-records.service.ts';
import { readExportQuery, type ExportQuery } from './export-query.ts';

const OLDEST_FIRST = { field: 'OCCURRED_AT', direction: 'ASC' } as const;

/** Oldest first. Throws before anything is sent when the caller may not, or asks for what there is not. */
export async function exportUsage(context: RequestContext, search: URLSearchParams, response: ServerResponse): Promise<void> {
  const admin = asAdmin(context, 'USAGE_READ');
  const { format, filter } = readExportQuery(search, new Date());
  await sendUsage(context.services.usageRecords, admin, { format, filter }, response);
}

/** Throws before anything is sent when the first page cannot be read. */
export async function sendUsage(records: UsageRecordsService, reader: TenantReader, { format, filter }: ExportQuery, response: ServerResponse): Promise<void> {
  await streamExport(response, `usage.${format}`, USAGE_EXPORT_FORMS[format], (page) => records.list(reader, filter, OLDEST_FIRST, page, false));
}

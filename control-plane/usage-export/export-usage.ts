/** Streams usage records over HTTP. */
import type { ServerResponse } from 'node:http';
import { streamExport } from '../export/stream-export.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import { USAGE_EXPORT_FORMS } from './export-lines.ts';
import { readExportQuery } from './export-query.ts';

const OLDEST_FIRST = { field: 'OCCURRED_AT', direction: 'ASC' } as const;

/** Oldest first. Throws before anything is sent when the caller may not, or asks for what there is not. */
export async function exportUsage(context: RequestContext, search: URLSearchParams, response: ServerResponse): Promise<void> {
  const admin = asAdmin(context, 'USAGE_READ');
  const { format, filter } = readExportQuery(search, new Date());
  await streamExport(response, `usage.${format}`, USAGE_EXPORT_FORMS[format], (page) =>
    context.services.usageRecords.list(admin, filter, OLDEST_FIRST, page, false),
  );
}

/** Streams usage records over HTTP, page by page, as fast as they are read. */
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { readPage } from '../graphql/connection.ts';
import { asAdmin, type AdminContext, type RequestContext } from '../request-context.ts';
import type { UsageFilter } from '../usage/usage-filter.ts';
import { EXPORT_FORMS, type ExportForm } from './export-lines.ts';
import { readExportQuery } from './export-query.ts';

const PAGE = 1000;

/** Oldest first. Throws before anything is sent when the caller may not, or asks for what there is not; afterwards the connection breaks off. */
export async function exportUsage(context: RequestContext, search: URLSearchParams, response: ServerResponse): Promise<void> {
  const admin = asAdmin(context, 'USAGE_READ');
  const { format, filter } = readExportQuery(search, new Date());
  const form = EXPORT_FORMS[format];
  const pages = pagesOf(admin, filter, form);
  // So that a database that is not there is a status, and not an empty file.
  const first = await pages.next();
  response.writeHead(200, {
    'Content-Type': form.contentType,
    'Content-Disposition': `attachment; filename="usage.${format}"`,
    'Cache-Control': 'no-store',
  });
  await pipeline(Readable.from(chunksOf(form.head + (first.value ?? ''), pages), { objectMode: false }), response);
}

async function* chunksOf(first: string, rest: AsyncIterable<string>): AsyncGenerator<string> {
  if (first !== '') yield first;
  yield* rest;
}

/** A page is read when the one before has been taken; no connection to the database is held in between. */
async function* pagesOf(context: AdminContext, filter: UsageFilter, form: ExportForm): AsyncGenerator<string, undefined> {
  for (let after: string | null = null, more = true; more;) {
    const { nodes, pageInfo } = await context.services.usageRecords.list(
      context,
      filter,
      { field: 'OCCURRED_AT', direction: 'ASC' },
      readPage(PAGE, after, PAGE),
      false,
    );
    yield nodes.map((row) => form.line(row)).join('');
    [after, more] = [pageInfo.endCursor, pageInfo.hasNextPage];
  }
  return undefined;
}

/** Streams rows over HTTP, page by page, as fast as they are read. */
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { readPage, type Connection, type Page } from '../graphql/connection.ts';
import type { ExportForm } from './export-form.ts';

const PAGE = 1000;

/** Reads one page of what is exported. */
export type ReadExportPage<Row> = (page: Page) => Promise<Connection<Row>>;

/** Throws before anything is sent when the first page cannot be read; afterwards the connection breaks off. */
export async function streamExport<Row>(response: ServerResponse, filename: string, form: ExportForm<Row>, read: ReadExportPage<Row>): Promise<void> {
  const pages = pagesOf(form, read);
  // So that a database that is not there is a status, and not an empty file.
  const first = await pages.next();
  response.writeHead(200, {
    'Content-Type': form.contentType,
    'Content-Disposition': `attachment; filename="${filename}"`,
    'Cache-Control': 'no-store',
  });
  await pipeline(Readable.from(chunksOf(form.head + (first.value ?? ''), pages), { objectMode: false }), response);
}

async function* chunksOf(first: string, rest: AsyncIterable<string>): AsyncGenerator<string> {
  if (first !== '') yield first;
  yield* rest;
}

/** A page is read when the one before has been taken; no connection to the database is held in between. */
async function* pagesOf<Row>(form: ExportForm<Row>, read: ReadExportPage<Row>): AsyncGenerator<string, undefined> {
  for (let after: string | null = null, more = true; more;) {
    const { nodes, pageInfo }: Connection<Row> = await read(readPage(PAGE, after, PAGE));
    yield nodes.map((row) => form.line(row)).join('');
    [after, more] = [pageInfo.endCursor, pageInfo.hasNextPage];
  }
  return undefined;
}

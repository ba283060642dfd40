/** Rows as lines of text: the same fields in the same order in either form. */

/** How each field is read from a row. A field may be added at the end, and none ever moves. */
export type ExportFields<Row> = Readonly<Record<string, (row: Row) => unknown>>;

export interface ExportForm<Row> {
  readonly contentType: string;
  readonly head: string;
  line(row: Row): string;
}

export const EXPORT_FORMATS = ['jsonl', 'csv'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** What a spreadsheet would take for a formula. Callers choose some of the texts. */
const FORMULA = /^[=+\-@\t\r]/;

export function exportForms<Row>(fields: ExportFields<Row>): Readonly<Record<ExportFormat, ExportForm<Row>>> {
  return {
    jsonl: {
      contentType: 'application/x-ndjson',
      head: '',
      line: (row) => `${JSON.stringify(Object.fromEntries(Object.entries(fields).map(([name, read]) => [name, read(row)])))}\n`,
    },
    // As RFC 4180 has it.
    csv: {
      contentType: 'text/csv; charset=utf-8; header=present',
      head: `${Object.keys(fields).join(',')}\r\n`,
      line: (row) =>
        `${Object.values(fields)
          .map((read) => toCell(read(row)))
          .join(',')}\r\n`,
    },
  };
}

/** What is no text is written as JSON. */
function toCell(value: unknown): string {
  const text = value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value);
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

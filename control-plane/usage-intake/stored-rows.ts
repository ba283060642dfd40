/** How rows travel to PostgreSQL: any number of them as one JSON document, so that a batch is one statement. */

/** Columns are given with their types, as `name type`. */
export function rowsFrom(columns: readonly string[]): string {
  return `json_to_recordset(?::json) as given (${columns.join(', ')})`;
}

export function insertFrom(table: string, columns: readonly string[]): string {
  const names = columns.map((column) => column.slice(0, column.indexOf(' '))).join(', ');
  return `insert into ${table} (${names}) select ${names} from ${rowsFrom(columns)}`;
}

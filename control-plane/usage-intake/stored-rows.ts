/** How rows travel to PostgreSQL: any number of them as one JSON document, so that a batch is one statement. */

/** A row with every one of the columns, which are given as below. */
export type RowOf<Columns extends readonly string[]> = Record<Columns[number] extends `${infer Name} ${string}` ? Name : never, unknown>;

/** Columns are given with their types, as `name type`. */
export function rowsFrom(columns: readonly string[]): string {
  return `json_to_recordset(?::json) as given (${columns.join(', ')})`;
}

export function insertFrom(table: string, columns: readonly string[]): string {
  const names = columns.map((column) => column.slice(0, column.indexOf(' '))).join(', ');
  return `insert into ${table} (${names}) select ${names} from ${rowsFrom(columns)}`;
}

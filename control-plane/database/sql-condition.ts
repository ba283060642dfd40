/** Conditions in SQL, put together from parts that bring their values. */

export interface SqlCondition {
  readonly sql: string;
  readonly values: readonly unknown[];
}

/** Half-open. */
export interface TimeRange {
  readonly gte?: Date | null;
  readonly lt?: Date | null;
}

/** By AND. */
export function joined(parts: readonly SqlCondition[]): SqlCondition {
  return { sql: parts.map(({ sql }) => sql).join(' and '), values: parts.flatMap(({ values }) => values) };
}

/** Of none, nothing. */
export function oneOf(column: string, values: readonly unknown[]): SqlCondition {
  if (values.length === 0) return { sql: 'false', values: [] };
  return { sql: `${column} in (${values.map(() => '?').join(', ')})`, values };
}

/** Nothing behind a place in the order of commits, when one is given. */
export function uptoOf(column: string, upto: string | null | undefined): SqlCondition[] {
  return upto == null ? [] : [{ sql: `${column} <= ?`, values: [upto] }];
}

/** A pattern of `like` or `ilike` for what has the text somewhere in it. */
export function containing(text: string): string {
  return `%${text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
}

/** Of one organisation, in a span of time. */
export function within(organisation: string, time: string, organisationId: string, { gte, lt }: TimeRange): SqlCondition {
  const parts: SqlCondition[] = [{ sql: `${organisation} = ?`, values: [organisationId] }];
  if (gte != null) parts.push({ sql: `${time} >= ?`, values: [gte] });
  if (lt != null) parts.push({ sql: `${time} < ?`, values: [lt] });
  return joined(parts);
}

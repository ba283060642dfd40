/** Says which fields a change touches, by their paths: what a dry run answers, and what the change itself did. */

export interface FieldChange {
  /** From the object on, with dots. */
  readonly path: string;
  /** Null where there was nothing. */
  readonly before: unknown;
  readonly after: unknown;
}

/** Lists are compared as wholes, since their order may matter. */
export function fieldChangesOf(before: unknown, after: unknown, path = ''): FieldChange[] {
  if (!isObject(before) && !isObject(after)) {
    return JSON.stringify(before ?? null) === JSON.stringify(after ?? null) ? [] : [{ path, before: before ?? null, after: after ?? null }];
  }
  const [old, fresh] = [membersOf(before), membersOf(after)];
  const names = new Set([...old.keys(), ...fresh.keys()]);
  return [...names].flatMap((name) => fieldChangesOf(old.get(name), fresh.get(name), path === '' ? name : `${path}.${name}`));
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function membersOf(value: unknown): Map<string, unknown> {
  return new Map(isObject(value) ? Object.entries(value) : []);
}

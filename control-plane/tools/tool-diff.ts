/** Says what is different between two definitions of a tool, member by member. */
import { canonicalJson } from '../../shared/canonical-json.ts';

export interface ToolDifference {
  /** JSON pointer (RFC 6901) into the definition. */
  readonly path: string;
  /** Null for what was not there. */
  readonly before: unknown;
  /** Null for what is no longer there. */
  readonly after: unknown;
}

/** Objects are compared member by member, everything else as a whole. Both values must come from JSON. */
export function differencesOf(before: unknown, after: unknown, path = ''): ToolDifference[] {
  if (isObject(before) && isObject(after)) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...names].toSorted().flatMap((name) => differencesOf(before[name], after[name], `${path}/${escaped(name)}`));
  }
  const isEqual = before !== undefined && after !== undefined && canonicalJson(before) === canonicalJson(after);
  return isEqual ? [] : [{ path, before: before ?? null, after: after ?? null }];
}

function escaped(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

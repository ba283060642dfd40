/** The canonical form of JSON (RFC 8785): equal values have equal text, in whatever order and spelling they came. */

/** Deeper values have no canonical form here: no reader that calls itself for each level would survive them. */
const DEPTH_MAX = 256;

/** Throws a `TypeError` for what is no JSON: half of a surrogate pair, a number that is not finite, a value of another type, or one that is too deep. */
export function canonicalJson(value: unknown, depth = 0): string {
  if (depth > DEPTH_MAX) throw new TypeError('a value that is nested too deeply to have a canonical form');
  if (Array.isArray(value)) return `[${value.map((element) => canonicalJson(element, depth + 1)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return canonicalScalar(value);
  // JavaScript compares strings by UTF-16 code units, which is the order of the canonical form (section 3.2.3).
  const members = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return `{${members.map(([name, member]) => `${canonicalScalar(name)}:${canonicalJson(member, depth + 1)}`).join(',')}}`;
}

/** JavaScript's own spelling of numbers and strings is the canonical one (sections 3.2.2.2 and 3.2.2.3). */
function canonicalScalar(value: unknown): string {
  const isScalar = typeof value === 'string' ? value.isWellFormed() : typeof value === 'number' ? Number.isFinite(value) : isWord(value);
  if (isScalar) return JSON.stringify(value);
  throw new TypeError(`a ${typeof value} that has no canonical form`);
}

function isWord(value: unknown): boolean {
  return typeof value === 'boolean' || value === null;
}

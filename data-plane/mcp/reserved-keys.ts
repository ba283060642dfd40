/** The keys that decide what a message means, and the look-alikes that another parser might take for them. */

const ENVELOPE_KEYS: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'method', 'params', 'result', 'error']);
const PARAMS_KEYS: ReadonlySet<string> = new Set(['name', 'arguments', 'uri', '_meta']);
/** A key of lower-case ASCII is itself and folds to nothing else. */
const PLAIN = /^[a-z0-9_]*$/;

/**
 * The first key of the envelope or its params that differs from a reserved one only by case or by a Unicode fold: some parsers match
 * keys without regard to case (CVE-2026-27896), so such a message has two readings. `__proto__` has no business at these levels.
 */
export function ambiguousKeyIn(message: Readonly<Record<string, unknown>>): string | undefined {
  const key = lookalikeIn(message, ENVELOPE_KEYS);
  if (key !== undefined) return key;
  const { params } = message;
  return typeof params === 'object' && params !== null && !Array.isArray(params) ? lookalikeIn(params, PARAMS_KEYS) : undefined;
}

function lookalikeIn(object: object, reserved: ReadonlySet<string>): string | undefined {
  return Object.keys(object).find((key) => key === '__proto__' || (!PLAIN.test(key) && !reserved.has(key) && reserved.has(folded(key))));
}

/** As the most generous parser would read it: compatibility forms, case, invisible characters and space around it. */
function folded(key: string): string {
  return key
    .normalize('NFKC')
    .toLowerCase()
    .replace(/\p{Cf}/gu, '')
    .trim();
}

/** The words that decide what a message means, and the look-alikes that another parser might take for them. */
import { foldText } from '../../shared/content-filter/fold-text.ts';

type Words = ReadonlySet<string>;

const ENVELOPE_KEYS: Words = new Set(['jsonrpc', 'id', 'method', 'params', 'result', 'error']);
const PARAMS_KEYS: Words = new Set(['name', 'arguments', 'uri', '_meta']);
/** Keys that reach into an object's machinery in one language or another; they have no business where a message is decided. */
const MACHINERY_KEYS: Words = new Set(['__proto__', 'constructor', 'prototype']);
/** Methods by whose name rules apply. */
const RULED_METHODS: Words = new Set([
  'initialize',
  'tools/list',
  'tools/call',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'notifications/cancelled',
]);
/** A word of these is itself and folds to nothing else. */
const PLAIN = /^[a-z0-9_/]*$/;
/** A word of these has no other forms than by case. */
const PRINTABLE_ASCII = /^[\x21-\x7e]*$/;

/**
 * The first key of the envelope or its params that differs from a reserved one only by case or by a Unicode fold: some parsers match
 * keys without regard to case (CVE-2026-27896), so such a message has two readings.
 */
export function ambiguousKeyIn(message: Readonly<Record<string, unknown>>): string | undefined {
  const key = lookalikeIn(message, ENVELOPE_KEYS);
  if (key !== undefined) return key;
  const { params } = message;
  return typeof params === 'object' && params !== null && !Array.isArray(params) ? lookalikeIn(params, PARAMS_KEYS) : undefined;
}

/** The first key that could be taken for one of `words` and is not. */
export function lookalikeIn(object: object, words: Words): string | undefined {
  for (const key in object) if (!words.has(key) && (isLookalike(key, words) || MACHINERY_KEYS.has(key))) return key;
  return undefined;
}

/** Whether a method could be taken for one that rules apply to, and is not. */
export function isAmbiguousMethod(method: string): boolean {
  return !RULED_METHODS.has(method) && isLookalike(method, RULED_METHODS);
}

function isLookalike(word: string, words: Words): boolean {
  if (PLAIN.test(word)) return false;
  if (PRINTABLE_ASCII.test(word)) return words.has(word.toLowerCase());
  return !word.isWellFormed() || words.has(generousForm(word));
}

/** Where strings end at the first NUL, what stands behind it is not seen; space around a word is trimmed away by some. */
function generousForm(word: string): string {
  const [seen = ''] = word.split('\0', 1);
  return foldText(seen).trim();
}

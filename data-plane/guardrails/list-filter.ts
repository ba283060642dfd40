/** Cuts hidden entries out of the bytes of a list, makes it this key's own, and leaves every other byte as it came. */
import { isUtf8 } from 'node:buffer';
import { isRecord } from '../../shared/is-record.ts';
import { lookalikeIn } from '../mcp/reserved-keys.ts';
import { applyEdits, cutOf, type Edit } from '../transports/json-edits.ts';
import { elementsOf, findMember, type ByteRange } from '../transports/json-members.ts';
import type { Entry, ListRule } from './list-rules.ts';

const MESSAGE_KEYS: ReadonlySet<string> = new Set(['result']);
const SCOPE_KEY = 'cacheScope';
/** Other keys may see other entries, so no cache may share the list (MCP 2026-07-28, Caching). */
const OWN_SCOPE = '"private"';
const TTL_KEY = 'ttlMs';
/** A cache of the caller's hears nothing of a change of the rules, so it may not keep the list for longer. */
const OWN_TTL_MILLIS_MAX = 60_000;

/**
 * Answers the same buffer when nothing is to be changed or the message holds no list that has a rule, and undefined for a list that cannot be
 * judged, such as one with a key twice: the caller fails closed.
 */
export function filterLists(body: Buffer, rules: readonly ListRule[]): Buffer | undefined {
  const value = parse(body);
  if (value === undefined) return undefined;
  const whole = { start: indexOfFirst(body), end: body.length };
  const messages = elementsOf(body, whole) ?? [whole];
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  const edits: Edit[] = [];
  for (const [index, message] of messages.entries()) {
    const found = editsOf(body, message, values[index], rules);
    if (found === undefined) return undefined;
    edits.push(...found);
  }
  return edits.length === 0 ? body : applyEdits(body, edits);
}

/** What is to be changed in one message; undefined when a list in it cannot be judged. */
function editsOf(body: Buffer, message: ByteRange, value: unknown, rules: readonly ListRule[]): Edit[] | undefined {
  if (!isRecord(value)) return [];
  // A reader that is blind to case would see a second list beside the one that is judged here.
  if (lookalikeIn(value, MESSAGE_KEYS) !== undefined) return undefined;
  if (!('result' in value)) return [];
  const range = findMember(body, message, 'result');
  if (range === undefined) return undefined;
  const result = value['result'];
  if (!isRecord(result)) return [];
  if (lookalikeIn(result, new Set([SCOPE_KEY, TTL_KEY, ...rules.map(({ member }) => member)])) !== undefined) return undefined;
  const present = rules.filter(({ member }) => member in result);
  const edits: Edit[] = [];
  for (const rule of present) {
    const cuts = cutsOf(body, range, result[rule.member], rule);
    if (cuts === undefined) return undefined;
    edits.push(...cuts);
  }
  if (present.length === 0) return edits;
  const cachings = cachingsOf(body, range, result);
  return cachings === undefined ? undefined : [...edits, ...cachings];
}

/** The hidden entries of one list; undefined when it cannot be judged. */
function cutsOf(body: Buffer, result: ByteRange, list: unknown, { member, entryKey, judgedKeys, compare, hides }: ListRule): ByteRange[] | undefined {
  const range = findMember(body, result, member);
  const elements = range === undefined ? undefined : elementsOf(body, range);
  const words = new Set(judgedKeys);
  const isPlain = (entry: unknown): entry is Entry => isRecord(entry) && lookalikeIn(entry, words) === undefined;
  if (elements === undefined || !Array.isArray(list) || !list.every(isPlain)) return undefined;
  const names: string[] = [];
  for (const [index, element] of elements.entries()) {
    const [entry, name] = [list[index], textOf(body, element, entryKey)];
    if (entry === undefined || name === undefined) return undefined;
    // Of a key that stands there twice, another reader may take the other value.
    if (judgedKeys.some((key) => key in entry && findMember(body, element, key) === undefined)) return undefined;
    compare?.(name, entry);
    names.push(name);
  }
  const cuts: ByteRange[] = [];
  for (const [index, name] of names.entries()) if (hides(name)) cuts.push(cutOf(elements, index, cuts.length));
  return cuts;
}

/** What makes the lists those of this key alone, and for a short time; undefined when it says two things at once. */
function cachingsOf(body: Buffer, range: ByteRange, result: Readonly<Record<string, unknown>>): Edit[] | undefined {
  const scope = findMember(body, range, SCOPE_KEY);
  const ttl = findMember(body, range, TTL_KEY);
  if ((SCOPE_KEY in result && scope === undefined) || (TTL_KEY in result && ttl === undefined)) return undefined;
  const edits: Edit[] = scope === undefined ? [] : [{ ...scope, text: OWN_SCOPE }];
  const ttlMillis = result[TTL_KEY];
  if (ttl !== undefined && typeof ttlMillis === 'number' && ttlMillis > OWN_TTL_MILLIS_MAX) edits.push({ ...ttl, text: String(OWN_TTL_MILLIS_MAX) });
  return edits;
}

function textOf(body: Buffer, entry: ByteRange, key: string): string | undefined {
  const range = findMember(body, entry, key);
  if (range === undefined) return undefined;
  const text: unknown = JSON.parse(body.toString('utf8', range.start, range.end));
  return typeof text === 'string' ? text : undefined;
}

function indexOfFirst(body: Buffer): number {
  return Math.max(
    0,
    body.findIndex((byte) => byte > 0x20),
  );
}

/** Undefined for what is not JSON: no list that could be judged. */
function parse(body: Buffer): unknown {
  if (!isUtf8(body)) return undefined;
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

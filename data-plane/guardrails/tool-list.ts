/** Cuts hidden tools out of the bytes of a `tools/list` answer, makes it this key's own, and leaves every other byte as it came. */
import { isUtf8 } from 'node:buffer';
import { lookalikeIn } from '../mcp/reserved-keys.ts';
import { elementsOf, findMember, type ByteRange } from '../transports/json-members.ts';

const MESSAGE_KEYS: ReadonlySet<string> = new Set(['result']);
const RESULT_KEYS: ReadonlySet<string> = new Set(['tools', 'cacheScope']);
/** Other keys may see other tools, so no cache may share the list (MCP 2026-07-28, Caching). */
const OWN_SCOPE = '"private"';
/** A cache of the caller's hears nothing of a change of the rules, so it may not keep the list for longer. */
const OWN_TTL_MILLIS_MAX = 60_000;
const TOOL_KEYS: ReadonlySet<string> = new Set(['name']);

/**
 * Answers the same buffer when nothing is to be changed or the message is no tool list, and undefined for a list that cannot be judged, such as
 * one with a key twice: the caller fails closed.
 */
export function filterToolList(body: Buffer, hides: (tool: string) => boolean): Buffer | undefined {
  const value = parse(body);
  if (value === undefined) return undefined;
  const whole = { start: indexOfFirst(body), end: body.length };
  const messages = elementsOf(body, whole) ?? [whole];
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  const edits: Edit[] = [];
  for (const [index, message] of messages.entries()) {
    const found = editsOf(body, message, values[index], hides);
    if (found === undefined) return undefined;
    edits.push(...found);
  }
  return edits.length === 0 ? body : edited(body, edits);
}

/** What takes the place of a range; nothing, for one that is cut. */
interface Edit extends ByteRange {
  readonly text?: string;
}

/** What is to be changed in one message; undefined when its list cannot be judged. */
function editsOf(body: Buffer, message: ByteRange, value: unknown, hides: (tool: string) => boolean): Edit[] | undefined {
  if (!isRecord(value)) return [];
  // A reader that is blind to case would see a second list beside the one that is judged here.
  if (lookalikeIn(value, MESSAGE_KEYS) !== undefined) return undefined;
  if (!('result' in value)) return [];
  const result = findMember(body, message, 'result');
  if (result === undefined) return undefined;
  const list = value['result'];
  if (!isRecord(list)) return [];
  if (lookalikeIn(list, RESULT_KEYS) !== undefined) return undefined;
  if (!('tools' in list)) return [];
  const tools = findMember(body, result, 'tools');
  const elements = tools === undefined ? undefined : elementsOf(body, tools);
  if (elements === undefined || !Array.isArray(list['tools']) || !list['tools'].every(isPlainTool)) return undefined;
  const cuts: ByteRange[] = [];
  for (const [index, element] of elements.entries()) {
    const name = nameOf(body, element);
    if (name === undefined) return undefined;
    if (hides(name)) cuts.push(cutOf(elements, index, cuts.length));
  }
  const cachings = cachingsOf(body, result, list);
  return cachings === undefined ? undefined : [...cuts, ...cachings];
}

/** What makes the list one of this key alone, and for a short time; undefined when it says two things at once. */
function cachingsOf(body: Buffer, result: ByteRange, list: Readonly<Record<string, unknown>>): Edit[] | undefined {
  const scope = findMember(body, result, 'cacheScope');
  const ttl = findMember(body, result, 'ttlMs');
  if (('cacheScope' in list && scope === undefined) || ('ttlMs' in list && ttl === undefined)) return undefined;
  const edits: Edit[] = scope === undefined ? [] : [{ ...scope, text: OWN_SCOPE }];
  const { ttlMs } = list;
  if (ttl !== undefined && typeof ttlMs === 'number' && ttlMs > OWN_TTL_MILLIS_MAX) edits.push({ ...ttl, text: String(OWN_TTL_MILLIS_MAX) });
  return edits;
}

/** A cut takes the comma before it along, or, as long as everything before is cut as well, the one behind it. */
function cutOf(elements: readonly ByteRange[], index: number, cutBefore: number): ByteRange {
  const element = elements[index] ?? { start: 0, end: 0 };
  const previous = elements[index - 1];
  const next = elements[index + 1];
  if (cutBefore === index) return { start: element.start, end: next?.start ?? element.end };
  return { start: previous?.end ?? element.start, end: element.end };
}

function isPlainTool(tool: unknown): boolean {
  return isRecord(tool) && lookalikeIn(tool, TOOL_KEYS) === undefined;
}

function nameOf(body: Buffer, tool: ByteRange): string | undefined {
  const range = findMember(body, tool, 'name');
  if (range === undefined) return undefined;
  const name: unknown = JSON.parse(body.toString('utf8', range.start, range.end));
  return typeof name === 'string' ? name : undefined;
}

function edited(body: Buffer, edits: readonly Edit[]): Buffer {
  const parts: Buffer[] = [];
  let from = 0;
  for (const { start, end, text = '' } of edits.toSorted((left, right) => left.start - right.start)) {
    parts.push(body.subarray(from, start), Buffer.from(text));
    from = end;
  }
  return Buffer.concat([...parts, body.subarray(from)]);
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

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Cuts hidden tools out of the bytes of a `tools/list` answer, makes it this key's own, and leaves every other byte as it came. */
import { isUtf8 } from 'node:buffer';
import { lookalikeIn } from '../mcp/reserved-keys.ts';
import { applyEdits, cutOf, type Edit } from '../transports/json-edits.ts';
import { elementsOf, findMember, type ByteRange } from '../transports/json-members.ts';

const MESSAGE_KEYS: ReadonlySet<string> = new Set(['result']);
const RESULT_KEYS: ReadonlySet<string> = new Set(['tools', 'cacheScope']);
/** Other keys may see other tools, so no cache may share the list (MCP 2026-07-28, Caching). */
const OWN_SCOPE = '"private"';
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
  return edits.length === 0 ? body : applyEdits(body, edits);
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
  if (!('cacheScope' in list)) return cuts;
  const scope = findMember(body, result, 'cacheScope');
  return scope === undefined ? undefined : [...cuts, { ...scope, text: OWN_SCOPE }];
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

/** Generates JSON texts in all their spellings: white space, escapes, big numbers, keys that mean something elsewhere. */
import { array, constantFrom, integer, letrec, oneof, string, tuple, uniqueArray, type Arbitrary } from 'fast-check';

/** A scalar as it is written, an array, or an object whose keys are strings as they are written. */
export type JsonNode = string | JsonArray | JsonObject;
export interface JsonArray {
  readonly items: JsonNode[];
}
export interface JsonObject {
  readonly members: [key: string, value: JsonNode][];
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '/': '\\/',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

/** A string as JSON, each of whose characters is written as itself, as a short escape or as `\u`. */
export function spelled(text: string): Arbitrary<string> {
  return array(integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 8 }).map(
    (choices) => `"${[...Array(text.length).keys()].map((at) => spellUnit(text, at, choices[at % choices.length] ?? 0)).join('')}"`,
  );
}

function spellUnit(text: string, at: number, choice: number): string {
  const unit = text.charAt(at);
  const code = text.charCodeAt(at);
  if (choice === 5) return `\\u${code.toString(16).padStart(4, '0').toUpperCase()}`;
  if (choice === 4 || (code >= 0xd800 && code < 0xe000)) return `\\u${code.toString(16).padStart(4, '0')}`;
  const short = SHORT_ESCAPES[unit];
  if (short !== undefined && (unit !== '/' || choice === 3)) return short;
  return code < 0x20 ? `\\u${code.toString(16).padStart(4, '0')}` : unit;
}

const text = oneof(
  string({ maxLength: 12 }),
  string({ unit: 'binary', maxLength: 8 }),
  constantFrom('id', 'name', 'params', 'x'.repeat(70), '\\"'.repeat(40), '":{', '__proto__', 'constructor'),
);
const number = constantFrom('0', '-0', '1.0', '1e400', '-1.5E-7', '9007199254740993', '123456789012345678901234567890');
const scalar = oneof(text.chain(spelled), number, constantFrom('true', 'false', 'null'));

export const jsonNode: Arbitrary<JsonNode> = letrec<{ node: JsonNode; items: JsonArray; members: JsonObject }>((tie) => ({
  node: oneof({ depthSize: 'small', withCrossShrink: true }, scalar, tie('items'), tie('members')),
  items: array(tie('node'), { maxLength: 5 }).map((items) => ({ items })),
  members: members(tie('node')),
})).node;

function members(value: Arbitrary<JsonNode>): Arbitrary<JsonObject> {
  return uniqueArray(tuple(text.chain(spelled), value), { maxLength: 6, selector: ([key]) => JSON.parse(key) }).map((list) => ({ members: list }));
}

/** White space to put between tokens, in turn. */
export const spacing: Arbitrary<readonly string[]> = array(constantFrom('', '', ' ', '\n', '\t', '\r\n', '   '), { minLength: 1, maxLength: 7 });

export function writeJson(node: JsonNode, spaces: readonly string[]): string {
  let at = 0;
  const space = (): string => spaces[at++ % spaces.length] ?? '';
  const write = (part: JsonNode): string => {
    if (typeof part === 'string') return `${space()}${part}${space()}`;
    if ('items' in part) return `${space()}[${part.items.length === 0 ? space() : part.items.map(write).join(',')}]${space()}`;
    const list = part.members.map(([key, value]) => `${space()}${key}${space()}:${write(value)}`);
    return `${space()}{${list.length === 0 ? space() : list.join(',')}}${space()}`;
  };
  return write(node);
}

/** All objects in a node that have a member, itself included. */
export function objectsIn(node: JsonNode): JsonObject[] {
  if (typeof node === 'string') return [];
  if ('items' in node) return node.items.flatMap(objectsIn);
  return [...(node.members.length > 0 ? [node] : []), ...node.members.flatMap(([, value]) => objectsIn(value))];
}

/** Changes members of objects in the bytes of valid JSON; every byte that is not changed stays as it came. */
import { membersOf, type ByteRange } from './json-members.ts';

/** What takes the place of a range; nothing, for one that is cut. */
export interface Edit extends ByteRange {
  readonly text?: string;
}

/** The ranges must not overlap. */
export function applyEdits(bytes: Buffer, edits: readonly Edit[]): Buffer {
  const parts: Buffer[] = [];
  let from = 0;
  for (const { start, end, text = '' } of edits.toSorted((left, right) => left.start - right.start)) {
    parts.push(bytes.subarray(from, start), Buffer.from(text));
    from = end;
  }
  return Buffer.concat([...parts, bytes.subarray(from)]);
}

/** A cut takes the comma before it along, or, as long as everything before is cut as well, the one behind it. */
export function cutOf(elements: readonly ByteRange[], index: number, cutBefore: number): ByteRange {
  const element = elements[index] ?? { start: 0, end: 0 };
  const previous = elements[index - 1];
  const next = elements[index + 1];
  if (cutBefore === index) return { start: element.start, end: next?.start ?? element.end };
  return { start: previous?.end ?? element.start, end: element.end };
}

/** Takes members out of the object in a range. */
export function cutMembers(bytes: Buffer, object: ByteRange, isCut: (name: string) => boolean): Edit[] {
  const members = membersOf(bytes, object);
  const cuts: ByteRange[] = [];
  for (const [index, { name }] of members.entries()) if (isCut(name)) cuts.push(cutOf(members, index, cuts.length));
  return cuts;
}

/** Gives the object in a range members whose values are JSON: in the place of those that it has, or ahead of all. */
export function setMembers(bytes: Buffer, object: ByteRange, values: Readonly<Record<string, string>>): Edit[] {
  const members = membersOf(bytes, object);
  const edits: Edit[] = [];
  const added: string[] = [];
  for (const [name, text] of Object.entries(values)) {
    const present = members.filter((member) => member.name === name);
    for (const { value } of present) edits.push({ ...value, text });
    if (present.length === 0) added.push(`${JSON.stringify(name)}:${text}`);
  }
  const start = bytes.indexOf('{', object.start) + 1;
  if (added.length > 0) edits.push({ start, end: start, text: added.join(',') + (members.length > 0 ? ',' : '') });
  return edits;
}

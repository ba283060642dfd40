/** Finds characters that a model reads and a person does not see: joiners, marks of direction, tags and the like. */

/** Joiners within an emoji and their variation are what everybody writes. */
const EMOJI_SEQUENCE = /\p{Extended_Pictographic}(?:\p{Emoji_Modifier}|\uFE0F)*(?:\u200D\p{Extended_Pictographic}(?:\p{Emoji_Modifier}|\uFE0F)*)*/gu;
/** Zero width, direction (UAX 9), fillers, supplementary variation selectors and tags; white space that everybody uses is none of them. */
const INVISIBLE =
  /[\u034F\u00AD\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180F\u200B-\u200F\u202A-\u202E\u2060-\u206F\u3164\uFEFF\uFFA0\u{E0000}-\u{E0FFF}\p{Cc}]/u;
const PLAIN_SPACE = /[\t\n\r]/g;

/** Whether any string within has one, names of members included. The value must come from JSON. */
export function holdsInvisible(value: unknown): boolean {
  if (typeof value === 'string') return INVISIBLE.test(value.replaceAll(EMOJI_SEQUENCE, '').replaceAll(PLAIN_SPACE, ''));
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([name, member]) => holdsInvisible(name) || holdsInvisible(member));
}

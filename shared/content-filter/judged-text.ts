/** The texts of a message, as rules are held against them. */
import { visitStrings } from './json-strings.ts';
import type { Span } from './span.ts';

export interface JudgedText {
  readonly text: string;
  /** The key that it stands under; that of the array for an element of one. */
  readonly label: string;
  /** A number is a text too where its digits may mean something. */
  readonly role: 'VALUE' | 'KEY' | 'NUMBER';
}

/** The label of strings that name the kind of a content item. They would stand between words that a reader sees side by side. */
export const KIND_LABEL = 'type';
/** No form of a text holds it. */
export const END_OF_TEXT = '\0';

/** Where in a text of a list something stands. */
export interface TextPart extends Span {
  /** Of the text in the list. */
  readonly index: number;
}

/** The texts of a parsed JSON value, whose depth must be bounded. */
export function textsIn(value: unknown): JudgedText[] {
  const texts: JudgedText[] = [];
  const collect = (role: JudgedText['role'], text: string, label: string): false => {
    texts.push({ text, label, role });
    return false;
  };
  visitStrings(value, {
    key: (key) => collect('KEY', key, ''),
    value: (text, label) => collect('VALUE', text, label),
    number: (digits, label) => collect('NUMBER', digits, label),
  });
  return texts;
}

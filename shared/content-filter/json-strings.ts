/** Visits the strings of a parsed JSON value in the order in which they stand. */
import { textOfBlob } from './blob-text.ts';
import { isRecord } from '../is-record.ts';

/** Shorter numbers are nobody's number but their own. */
const NUMBER_MIN = 1e11;

export interface StringVisitor {
  /** Each of these answers true to end the visit. */
  key(key: string): boolean;
  /** `label` is the key that the string stands under; that of the array for an element of one. */
  value(text: string, label: string): boolean;
  /** The digits of a whole number of at least twelve. */
  number?(digits: string, label: string): boolean;
}

/** True when the visitor has ended the visit. The value's depth must be bounded, and it must not contain itself. */
export function visitStrings(value: unknown, visitor: StringVisitor, label = ''): boolean {
  if (typeof value === 'string') return visitor.value(value, label);
  if (typeof value === 'number') return visitNumber(digitsOf(value), visitor, label);
  if (Array.isArray(value)) {
    for (const element of value) if (visitStrings(element, visitor, label)) return true;
    return false;
  }
  if (!isRecord(value)) return false;
  for (const key in value) {
    if (visitor.key(key) || visitStrings(value[key], visitor, key)) return true;
    if (key !== 'blob') continue;
    const text = textOfBlob(value[key], value['mimeType']);
    if (text !== undefined && visitor.value(text, key)) return true;
  }
  return false;
}

/** Undefined for a number whose digits mean nothing; however it was spelled, a number has the same ones. */
export function digitsOf(value: number): string | undefined {
  return value >= NUMBER_MIN ? String(value) : undefined;
}

function visitNumber(digits: string | undefined, visitor: StringVisitor, label: string): boolean {
  return digits !== undefined && visitor.number?.(digits, label) === true;
}

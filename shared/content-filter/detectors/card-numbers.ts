/** Finds numbers of payment cards: of an issuer's range and length, with a right check digit, however they are grouped. */
import type { Span } from '../span.ts';
import { behindSeparators, isAlphanumeric, isDigit } from './characters.ts';

const DIGITS_MIN = 12;
const DIGITS_MAX = 19;
const POINT = '.';
const DIGITS = /\d+/g;

interface IssuerRange {
  /** First and last of the leading digits. */
  readonly from: string;
  readonly to: string;
  readonly lengths: readonly number[];
}

const LONG = [16, 17, 18, 19];
/** Visa; American Express; Diners Club; JCB; Mastercard; Mir; Maestro; Discover, UnionPay and RuPay. */
const ISSUERS: readonly IssuerRange[] = [
  { from: '4', to: '4', lengths: [13, 16, 19] },
  { from: '34', to: '34', lengths: [15] },
  { from: '37', to: '37', lengths: [15] },
  { from: '300', to: '305', lengths: [14, ...LONG] },
  { from: '36', to: '36', lengths: [14, ...LONG] },
  { from: '38', to: '39', lengths: [14, ...LONG] },
  { from: '3528', to: '3589', lengths: LONG },
  { from: '51', to: '55', lengths: [16] },
  { from: '2221', to: '2720', lengths: [16] },
  { from: '2200', to: '2204', lengths: LONG },
  { from: '5018', to: '5018', lengths: [12, 13, 14, 15, ...LONG] },
  { from: '5020', to: '5020', lengths: [12, 13, 14, 15, ...LONG] },
  { from: '5038', to: '5038', lengths: [12, 13, 14, 15, ...LONG] },
  { from: '6304', to: '6304', lengths: [12, 13, 14, 15, ...LONG] },
  { from: '6759', to: '6763', lengths: [12, 13, 14, 15, ...LONG] },
  { from: '6011', to: '6011', lengths: LONG },
  { from: '62', to: '62', lengths: LONG },
  { from: '644', to: '659', lengths: LONG },
  { from: '81', to: '82', lengths: LONG },
];

export function cardNumbersIn(text: string): Span[] {
  const spans: Span[] = [];
  let behind = 0;
  for (const { index } of text.matchAll(DIGITS)) {
    if (index < behind || isAlphanumeric(text, index - 1) || isFraction(text, index)) continue;
    const end = endOfCard(text, index);
    if (end === -1) continue;
    spans.push({ start: index, end });
    behind = end;
  }
  return spans;
}

/** What stands behind a point and a digit before it is the rest of another number. */
function isFraction(text: string, at: number): boolean {
  return text[at - 1] === POINT && isDigit(text.charCodeAt(at - 2));
}

/** Where the longest number ends that begins there, together with its group of digits; -1 when none does. */
function endOfCard(text: string, from: number): number {
  let digits = '';
  let [at, found, points] = [from, -1, 0];
  while (digits.length < DIGITS_MAX) {
    const end = endOfDigits(text, at);
    digits += text.slice(at, Math.min(end, at + DIGITS_MAX + 1));
    // A single point is that of a decimal fraction.
    if (points !== 1 && !isAlphanumeric(text, end) && isCard(digits)) found = end;
    at = behindSeparators(text, end);
    if (at === end || !isDigit(text.charCodeAt(at))) break;
    points += Number(text.slice(end, at).includes(POINT));
  }
  return found;
}

function endOfDigits(text: string, from: number): number {
  let at = from;
  while (isDigit(text.charCodeAt(at))) at++;
  return at;
}

function isCard(digits: string): boolean {
  if (digits.length < DIGITS_MIN || digits.length > DIGITS_MAX) return false;
  return (
    ISSUERS.some(({ from, to, lengths }) => {
      const head = digits.slice(0, from.length);
      return head >= from && head <= to && lengths.includes(digits.length);
    }) && hasCheckDigit(digits)
  );
}

/** ISO/IEC 7812-1, annex B (Luhn): every second digit from the right is doubled, and the digits of all add up to a multiple of ten. */
function hasCheckDigit(digits: string): boolean {
  let sum = 0;
  for (let at = digits.length - 1, isDoubled = false; at >= 0; at--, isDoubled = !isDoubled) {
    const digit = Number(digits[at]) * (isDoubled ? 2 : 1);
    sum += digit > 9 ? digit - 9 : digit;
  }
  return sum % 10 === 0;
}

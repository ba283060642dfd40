/** Writes a value into a header so that it can be read back, also one that no header could hold (MCP 2026-07-28, Transports, encoding). */

const PLAIN = /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/;
/** What looks encoded would be decoded. */
const LOOKS_ENCODED = /^=\?base64\?.*\?=$/i;

export function headerValueOf(text: string): string {
  return PLAIN.test(text) && !LOOKS_ENCODED.test(text) ? text : `=?base64?${Buffer.from(text).toString('base64')}?=`;
}

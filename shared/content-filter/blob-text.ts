/** Reads the text that a resource carries in Base64. */
import { isUtf8 } from 'node:buffer';

/** Of a type without parameters. */
const TEXTUAL =
  /^(?:text\/.*|application\/(?:json|xml|javascript|ecmascript|yaml|x-yaml|toml|sql|graphql|csv|x-ndjson|x-sh|x-www-form-urlencoded|x-pem-file)|.*\+(?:json|xml|yaml))$/;

/**
 * Undefined for what is no text by its type, nor, without one, by its bytes. Bytes that are not UTF-8 are read one by one, so that plain letters in
 * another coding are seen.
 */
export function textOfBlob(blob: unknown, mimeType: unknown): string | undefined {
  if (typeof blob !== 'string' || blob === '') return undefined;
  const type = typeof mimeType === 'string' ? mimeType.toLowerCase().replace(/;.*/s, '').trim() : undefined;
  if (type !== undefined && !TEXTUAL.test(type)) return undefined;
  const bytes = Buffer.from(blob, 'base64');
  if (isUtf8(bytes)) return bytes.toString('utf8');
  return type === undefined ? undefined : bytes.toString('latin1');
}

/** Whether such a text can be written back as it was read. */
export function isExactBlob(blob: string): boolean {
  return isUtf8(Buffer.from(blob, 'base64'));
}

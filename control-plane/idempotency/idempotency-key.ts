/** Reads the header by which a client says that a request is the same one, sent again. */
import { badInput } from '../graphql/errors.ts';

/** A string of structured fields (RFC 8941), as the draft of the IETF has it, or the same without its quotation marks. */
const KEY = /^(?:"([ !#-[\]-~]{1,255})"|([!#-~]{1,255}))$/;

/** Undefined when there is none. Throws BAD_USER_INPUT for what is no key, several of them included. */
export function readIdempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  const [, quoted, bare] = KEY.exec(String(header)) ?? [];
  const key = quoted ?? bare;
  if (key === undefined) throw badInput('Idempotency-Key takes one key of at most 255 printable characters of ASCII');
  return key;
}

/** Compares ids as they are meant, however they are written. */
import { findMember, findTopLevelValue, type ByteRange } from './json-members.ts';

/** One spelling for each string; numbers stay as they are written, since parsing them loses digits. */
export function canonicalToken(token: string): string {
  return token.includes('\\') ? JSON.stringify(JSON.parse(token)) : token;
}

/** Whether bytes that a server sent for an id mean the id of this token. */
export function isSameId(bytes: Buffer, token: string): boolean {
  return isSpelled(bytes, token) || isSameMeaning(bytes.toString('utf8'), token);
}

function isSpelled(bytes: Buffer, token: string): boolean {
  if (bytes.length !== token.length) return false;
  for (let at = 0; at < bytes.length; at++) if (bytes[at] !== token.charCodeAt(at)) return false;
  return true;
}

/** Languages that know one kind of number write `1.0` for `1`, and lose the last digits of a long one: that is all the server can have meant. */
function isSameMeaning(sent: string, token: string): boolean {
  if (Number(sent) === Number(token)) return true;
  try {
    return canonicalToken(sent) === canonicalToken(token);
  } catch (error) {
    // An escape that JSON does not know: no id of anybody's.
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

/** The request that a `notifications/cancelled` names, as a token that can be compared, and where it stands in the bytes. */
export function readCancelled(bytes: Buffer): { token: string; range: ByteRange } | undefined {
  const params = findTopLevelValue(bytes, 'params');
  const range = params === undefined ? undefined : findMember(bytes, params, 'requestId');
  return range === undefined ? undefined : { token: canonicalToken(bytes.toString('utf8', range.start, range.end)), range };
}

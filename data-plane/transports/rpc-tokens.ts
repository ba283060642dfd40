/** Compares ids as they are meant, however they are written. */
import { findMember, findTopLevelValue, type ByteRange } from './json-members.ts';

/** One spelling for each string; numbers stay as they are written, since parsing them loses digits. */
export function canonicalToken(token: string): string {
  return token.includes('\\') ? JSON.stringify(JSON.parse(token)) : token;
}

/** The request that a `notifications/cancelled` names, as a token that can be compared, and where it stands in the bytes. */
export function readCancelled(bytes: Buffer): { token: string; range: ByteRange } | undefined {
  const params = findTopLevelValue(bytes, 'params');
  const range = params === undefined ? undefined : findMember(bytes, params, 'requestId');
  return range === undefined ? undefined : { token: canonicalToken(bytes.toString('utf8', range.start, range.end)), range };
}

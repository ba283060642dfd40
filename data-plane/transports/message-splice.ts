/** Puts ids and progress tokens of ours into the bytes of a message, and the caller's back into the answer; nothing else changes. */
import type { RpcMessage } from '../mcp/rpc-call.ts';
import type { ByteRange } from './json-members.ts';

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;

/** The line for a server: the caller's bytes with `id` in place of its id and of its progress token. */
export function spliceRequest(bytes: Buffer, message: RpcMessage, id: number): Buffer {
  const token = Buffer.from(String(id), 'latin1');
  const ranges = [
    { start: message.idStart, end: message.idEnd },
    { start: message.progressTokenStart, end: message.progressTokenEnd },
  ];
  return toLine(
    splice(
      bytes,
      ranges.filter(({ start }) => start >= 0).sort((left, right) => left.start - right.start),
      token,
    ),
  );
}

/** Replaces each range, in ascending order, by the token; the bytes around stay as they are. */
export function splice(bytes: Buffer, ranges: readonly ByteRange[], token: Buffer): Buffer {
  const removed = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  const result = Buffer.allocUnsafe(bytes.length - removed + ranges.length * token.length);
  let from = 0;
  let to = 0;
  for (const { start, end } of ranges) {
    to += bytes.copy(result, to, from, start);
    to += token.copy(result, to);
    from = end;
  }
  bytes.copy(result, to, from);
  return result;
}

/**
 * Blanks line breaks in a message, in place, since lines frame messages and events. Valid JSON has them between tokens
 * only, where a space means the same (RFC 8259 section 2); in strings they are escaped (section 7).
 */
export function blankLineBreaks(message: Buffer): Buffer {
  for (const lineBreak of [LINE_FEED, CARRIAGE_RETURN]) {
    for (let at = message.indexOf(lineBreak); at !== -1; at = message.indexOf(lineBreak, at + 1)) message[at] = SPACE;
  }
  return message;
}

const END_OF_LINE = Buffer.from('\n');

/** Makes a line of a message, whose line breaks are blanked in place. */
export function toLine(message: Buffer): Buffer {
  return Buffer.concat([blankLineBreaks(message), END_OF_LINE]);
}

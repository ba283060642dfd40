/** The forms in which the messages of a server reach a caller who speaks Streamable HTTP. */
import type { AnswerHead } from './transport.ts';

export const JSON_HEAD: AnswerHead = { status: 200, contentType: 'application/json', upstreamSessionId: undefined, headers: [] };
export const EVENTS_HEAD: AnswerHead = { ...JSON_HEAD, contentType: 'text/event-stream' };
export const ACCEPTED_HEAD: AnswerHead = { ...JSON_HEAD, status: 202, contentType: undefined };
export const ENDED_HEAD: AnswerHead = { ...ACCEPTED_HEAD, status: 200 };
export const NO_BODY = Buffer.alloc(0);

/** An event without a message (WHATWG HTML, section 9.2.7). */
export const COMMENT = Buffer.from(':\n\n');

const EVENT_START = Buffer.from('event: message\ndata: ');
const EVENT_END = Buffer.from('\n\n');

/** The message must be without line breaks. */
export function toEvent(message: Buffer): Buffer {
  return Buffer.concat([EVENT_START, message, EVENT_END]);
}

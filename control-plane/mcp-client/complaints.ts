/** Says what went wrong with a server in a sentence that an administrator may read. */
import { SseError } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPError } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { z } from 'zod';
import { AddressRefused } from '../../shared/address-rules.ts';

/** What a socket complains about, without the addresses that it names. */
const SOCKET_WORDS: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'nothing listens there'],
  ['ECONNRESET', 'the connection was lost'],
  ['EHOSTUNREACH', 'no way leads there'],
  ['ENETUNREACH', 'no way leads there'],
  ['ETIMEDOUT', 'the connection was not accepted in time'],
  ['ENOTFOUND', 'there is no such host'],
  ['EAI_AGAIN', 'the host could not be resolved'],
  ['UND_ERR_CONNECT_TIMEOUT', 'the connection was not accepted in time'],
  ['UND_ERR_HEADERS_TIMEOUT', 'there was no answer in time'],
  ['UND_ERR_BODY_TIMEOUT', 'the answer was not finished in time'],
  ['UND_ERR_RES_EXCEEDED_MAX_SIZE', 'the answer is too large'],
  ['EPIPE', 'the program ended'],
  ['ENOENT', 'there is no such program'],
  ['EACCES', 'the program may not be run'],
]);

/** Bodies and addresses are left out: whoever looks at a server is not to read from places that only this machine reaches. */
export function complaintOf(error: unknown): string {
  if (error instanceof AddressRefused) return 'its address is not one that this server may have';
  if (error instanceof StreamableHTTPError && (error.code ?? 0) > 0) return `the server answered with status ${error.code}`;
  if (error instanceof SseError) return error.code === undefined ? error.message.replace(/^SSE error: /, '') : `the server answered with status ${error.code}`;
  if (error instanceof z.ZodError || error instanceof SyntaxError) return 'the answer is not what the protocol says';
  if (!(error instanceof Error)) return 'it failed';
  if (error.name === 'TimeoutError') return 'it took too long';
  return SOCKET_WORDS.get(codeOf(error)) ?? error.message;
}

function codeOf(error: Error): string {
  // Several addresses may have been tried; what befell the first one tells enough.
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return codeOf(error.errors[0]);
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}

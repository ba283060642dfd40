/** Recognises the answer of a server that does not know the session of a message: then nothing of the message has been done. */
import { z } from 'zod';

const METHOD_NOT_FOUND = -32601;
const INVALID_PARAMS = -32602;
/** A body that says more than a sentence is about something else. */
const BODY_BYTES_MAX = 4096;
/** "No valid session ID provided", "Server not initialized": what servers say with status 400 after a restart, and not when a message itself is wrong. */
const COMPLAINT = /\bsession\b|\bnot initialized\b/i;
const errorSchema = z.object({ error: z.object({ code: z.number(), message: z.string() }) });

/**
 * A 404 to a message with a session means just that (MCP 2025-11-25, Session management), but for a server that says with it that it lacks the method.
 * Many servers answer 400, the status for a session that is missing, and say in words what they miss.
 */
export function forgetsSession(status: number, body: Buffer): boolean {
  if (status !== 404 && status !== 400) return false;
  const text = body.length > BODY_BYTES_MAX ? '' : body.toString('utf8');
  const error = errorIn(text);
  if (status === 404) return error?.code !== METHOD_NOT_FOUND;
  return error?.code !== INVALID_PARAMS && COMPLAINT.test(error?.message ?? text);
}

function errorIn(text: string): { readonly code: number; readonly message: string } | undefined {
  // Servers say it in plain text too.
  if (!text.trimStart().startsWith('{')) return undefined;
  try {
    return errorSchema.safeParse(JSON.parse(text)).data?.error;
  } catch {
    return undefined;
  }
}

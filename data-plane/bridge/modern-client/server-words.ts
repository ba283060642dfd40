/** Reads in a server's message the little that decides what becomes of it. */
import { z } from 'zod';
import { forgetsSession } from '../../transports/forgotten-session.ts';
import { LOG_LEVELS, logLevelSchema, type LogLevel } from './modern-meta.ts';

/** What SDKs answer, with status 400, to a session that they do not know. */
const NO_SESSION_CODE = -32_000;
const errorSchema = z.object({ error: z.object({ code: z.number() }) });
const logSchema = z.object({ params: z.object({ level: logLevelSchema }) });

/** The code of a JSON-RPC error; undefined for anything else. */
export function codeIn(body: Buffer): number | undefined {
  const reading = errorSchema.safeParse(parse(body));
  return reading.success ? reading.data.error.code : undefined;
}

/** Whether an answer to a message with a session says that it was for nothing. */
export function saysThereIsNoSession(status: number, body: Buffer): boolean {
  return forgetsSession(status, body) || (status === 400 && codeIn(body) === NO_SESSION_CODE);
}

/** Whether a log message is one that somebody who asked for this level wants to hear. */
export function isLoudEnough(bytes: Buffer, least: LogLevel): boolean {
  const reading = logSchema.safeParse(parse(bytes));
  return reading.success && LOG_LEVELS.indexOf(reading.data.params.level) >= LOG_LEVELS.indexOf(least);
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

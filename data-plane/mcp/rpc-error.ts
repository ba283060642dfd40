/** Recognises a JSON-RPC error among the bodies that a server may answer with. */
import { z } from 'zod';
import { jsonIn } from './json-in.ts';

/** With which servers say that they know neither `initialize` nor a revision that begins with it. */
export const UNKNOWN_HANDSHAKE: ReadonlySet<number> = new Set([-32_020, -32_022, -32_600, -32_601, -32_602]);

const errorSchema = z.object({ error: z.object({ code: z.number() }) });
const MARK = Buffer.from('"error"');
/** A larger body is a result. */
const BYTES_MAX = 65_536;

/** Its code; undefined for whatever else the body is. */
export function errorCodeOf(body: Buffer): number | undefined {
  if (body.length > BYTES_MAX || !body.includes(MARK)) return undefined;
  return errorSchema.safeParse(jsonIn(body)).data?.error.code;
}

/** Recognises a JSON-RPC error among the bodies that a server may answer with. */
import { answerSchema } from '../ask-server.ts';

const MARK = Buffer.from('"error"');

/** Its code; undefined for whatever else the body is. */
export function errorCodeOf(body: Buffer): number | undefined {
  if (!body.includes(MARK)) return undefined;
  try {
    return answerSchema.safeParse(JSON.parse(body.toString('utf8'))).data?.error?.code;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

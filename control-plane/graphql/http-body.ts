/** Reads the body of a request, never more of it than an operation may have. */
import type { IncomingMessage } from 'node:http';

export const BODY_BYTES_MAX = 262_144;

export type ReadBody =
  | { readonly kind: 'json'; readonly value: unknown; readonly text: string }
  | { readonly kind: 'too large' }
  | { readonly kind: 'not JSON' };

/** A body that is absent is `undefined`. Throws when the caller goes away in the middle. */
export async function readJson(request: IncomingMessage): Promise<ReadBody> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue;
    length += chunk.length;
    if (length > BODY_BYTES_MAX) return { kind: 'too large' };
    chunks.push(chunk);
  }
  if (length === 0) return { kind: 'json', value: undefined, text: '' };
  const text = Buffer.concat(chunks).toString('utf8');
  try {
    return { kind: 'json', value: JSON.parse(text), text };
  } catch {
    // The caller reads that its body is no JSON; there is no more to say about it.
    return { kind: 'not JSON' };
  }
}

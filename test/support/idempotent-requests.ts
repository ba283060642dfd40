/** Sends GraphQL under an Idempotency-Key, and reads what is said of it. */
import { z } from 'zod';

export interface SentUnderKey {
  readonly key: string;
  /** Null for nobody's. */
  readonly token?: string | null;
  readonly body: { readonly query: string; readonly variables?: Record<string, unknown> };
}

export interface AnswerUnderKey {
  readonly status: number;
  readonly text: string;
  readonly isReplayed: boolean;
}

const codesSchema = z.object({ errors: z.array(z.object({ extensions: z.object({ code: z.string() }) })).default([]) });

export async function sendUnderKey(graphqlUrl: string, { key, token = null, body }: SentUnderKey): Promise<AnswerUnderKey> {
  const response = await fetch(graphqlUrl, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'turnpike-csrf': '1',
      'idempotency-key': key,
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  });
  return { status: response.status, text: await response.text(), isReplayed: response.headers.get('idempotent-replayed') === 'true' };
}

/** Of the first error; undefined where there is none. */
export function codeOf({ text }: AnswerUnderKey): string | undefined {
  return codesSchema.parse(JSON.parse(text)).errors[0]?.extensions.code;
}

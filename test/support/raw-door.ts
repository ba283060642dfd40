/** Opens the stream of an old client with nothing but HTTP, for tests that look at the wire. */
import { onTestFinished } from 'vitest';
import { z } from 'zod';
import { eventually } from './processes.ts';
import { readAlong, type StreamText } from './stream-text.ts';

const messageSchema = z.looseObject({
  id: z.union([z.string(), z.number(), z.null()]).optional(),
  method: z.string().optional(),
  error: z.looseObject({ code: z.number(), data: z.looseObject({ reason: z.string() }).optional() }).optional(),
});

export type RawMessage = z.infer<typeof messageSchema>;

export interface RawDoor extends StreamText {
  /** Of the GET. */
  readonly requestId: string;
  /** Where messages go, as a path. */
  readonly endpoint: string;
  messages(): RawMessage[];
  /** The message with this id, once it comes. */
  answerTo(id: string | number): Promise<RawMessage>;
  post(body: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
}

const HELLO = 'hello';
const INITIALIZE = {
  jsonrpc: '2.0',
  id: HELLO,
  method: 'initialize',
  params: { protocolVersion: '2024-11-05', capabilities: {}, clientInfo: { name: 'old', version: '1' } },
} as const;

/** The whole handshake. */
export async function greet(door: RawDoor): Promise<void> {
  await door.post(JSON.stringify(INITIALIZE));
  await door.answerTo(HELLO);
  await door.post('{"jsonrpc":"2.0","method":"notifications/initialized"}');
}

export async function openRawDoor({ url, apiKey }: { url: string; apiKey: string }): Promise<RawDoor> {
  const authorization = `Bearer ${apiKey}`;
  const response = await fetch(url, { headers: { accept: 'text/event-stream', authorization } });
  const { text, isOpen, leave } = readAlong(response);
  onTestFinished(leave);
  const endpoint = await eventually(() => /^event: endpoint\ndata: (.+)\n\n/.exec(text())?.[1], 'the endpoint');
  const messages = (): RawMessage[] =>
    [...text().matchAll(/^event: message\ndata: ([^\n]+)\n\n/gm)].map(([, data = '']) => messageSchema.parse(JSON.parse(data)));
  return {
    requestId: response.headers.get('turnpike-request-id') ?? '',
    endpoint,
    isOpen,
    text,
    messages,
    answerTo: (id) => eventually(() => messages().find((message) => message.id === id && message.method === undefined), `an answer to ${id}`),
    post: (body, headers) =>
      fetch(new URL(endpoint, url), { method: 'POST', headers: { authorization, 'content-type': 'application/json', ...headers }, body }),
    leave,
  };
}

/** An MCP server over Streamable HTTP that answers a call with the messages in its arguments, as JSON or as an event stream. */
import { createServer, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { listenOnLoopback } from './loopback.ts';

export interface AnsweringUpstream {
  readonly url: string;
  /** Bodies of calls, as they arrived. */
  readonly calls: string[];
  close(): Promise<void>;
}

const messageSchema = z.object({
  id: z.union([z.string(), z.number()]).optional(),
  method: z.string(),
  params: z.looseObject({ arguments: z.looseObject({ lines: z.array(z.string()).optional(), line: z.string().optional() }).optional() }).optional(),
});

/**
 * `line` is the answer, `lines` stand before it in a stream; `{{id}}` in them is replaced, and `{{web}}`
 * by the beginning of a link, which calls may not be let to hold.
 */
export async function startAnsweringUpstream({
  streams,
  tools = [],
}: {
  readonly streams: boolean;
  readonly tools?: readonly object[];
}): Promise<AnsweringUpstream> {
  const calls: string[] = [];
  const server = createServer((request, response) => {
    text(request)
      .then((body) => answer(body, response))
      .catch((error: unknown) => response.destroy(error instanceof Error ? error : new Error(String(error))));
  });
  const answer = (body: string, response: ServerResponse): void => {
    const { id, method, params } = messageSchema.parse(JSON.parse(body));
    if (id === undefined) return void response.writeHead(202).end();
    if (method !== 'tools/call') {
      const initialized = { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'answering', version: '1' } };
      response.writeHead(200, { 'content-type': 'application/json' });
      return void response.end(JSON.stringify({ jsonrpc: '2.0', id, result: method === 'initialize' ? initialized : { tools } }));
    }
    calls.push(body);
    const { lines = [], line = '{"jsonrpc":"2.0","id":{{id}},"result":{"content":[]}}' } = params?.arguments ?? {};
    const said = [...(streams ? lines : []), line].map((one) => one.replaceAll('{{id}}', JSON.stringify(id)).replaceAll('{{web}}', 'https://'));
    response.writeHead(200, { 'content-type': streams ? 'text/event-stream' : 'application/json' });
    response.end(streams ? said.map((one) => `event: message\nid: 1\ndata: ${one}\n\n`).join('') : said.at(-1));
  };
  const { origin, close } = await listenOnLoopback(server);
  return { url: `${origin}/mcp`, calls, close };
}

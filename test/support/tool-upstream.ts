/** An MCP server over Streamable HTTP whose tools, answers and manners a test changes while it runs. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { listenOnLoopback } from './loopback.ts';

export interface ToolUpstream {
  readonly origin: string;
  readonly url: string;
  /** What `tools/list` answers from now on. */
  tools: readonly object[];
  /** Pages have so many. */
  pageSize: number;
  /** Answers in the place of the server when it says so. */
  intercept: ((path: string, response: ServerResponse, headers: IncomingHttpHeaders) => boolean) | undefined;
  /** Paths in the order in which they were asked for. */
  readonly asked: string[];
  calls: number;
  /** How many pages of tools were read. */
  lists: number;
  close(): Promise<void>;
}

const messageSchema = z.object({
  id: z.union([z.string(), z.number()]).optional(),
  method: z.string(),
  params: z.looseObject({ cursor: z.string().optional() }).optional(),
});
type Message = z.infer<typeof messageSchema>;

export async function startToolUpstream(tools: readonly object[] = []): Promise<ToolUpstream> {
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    upstream.asked.push(path);
    if (upstream.intercept?.(path, response, request.headers) === true) return;
    if (request.method !== 'POST') return void response.writeHead(405).end();
    text(request)
      .then((body) => answer(messageSchema.parse(JSON.parse(body)), response, upstream))
      .catch(() => response.destroy());
  });
  const { origin, close } = await listenOnLoopback(server);
  const upstream: ToolUpstream = { origin, url: `${origin}/mcp`, tools, pageSize: 100, intercept: undefined, asked: [], calls: 0, lists: 0, close };
  return upstream;
}

function answer(message: Message, response: ServerResponse, upstream: ToolUpstream): void {
  if (message.id === undefined) return void response.writeHead(202).end();
  const result = resultOf(message, upstream);
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ jsonrpc: '2.0', id: message.id, ...(result === undefined ? { error: { code: -32601, message: 'unknown' } } : { result }) }));
}

function resultOf({ method, params }: Message, upstream: ToolUpstream): object | undefined {
  switch (method) {
    case 'initialize':
      return { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'tool-upstream', version: '1' } };
    case 'tools/list': {
      upstream.lists++;
      const from = Number(params?.cursor ?? 0);
      const to = from + upstream.pageSize;
      return { tools: upstream.tools.slice(from, to), ...(to < upstream.tools.length ? { nextCursor: String(to) } : {}) };
    }
    case 'tools/call':
      upstream.calls++;
      return { content: [{ type: 'text', text: 'done' }] };
    default:
      return undefined;
  }
}

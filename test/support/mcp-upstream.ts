/** An MCP server over Streamable HTTP for tests: counts what reaches it, and answers with everything that a gateway could lose. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { randomUUID } from 'node:crypto';
import { listenOnLoopback } from './loopback.ts';

export interface UpstreamRequestSeen {
  readonly method: string;
  /** Path and query as they arrived. */
  readonly target: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface McpUpstream {
  readonly url: string;
  /** Every request that arrived, in order. */
  readonly seen: UpstreamRequestSeen[];
  /** How many `tools/call` arrived. */
  calls(): number;
  close(): Promise<void>;
}

export interface McpUpstreamOptions {
  /** Answers as event streams rather than JSON. */
  readonly streams?: boolean;
  /** Demands a session, as most servers do. */
  readonly sessions?: boolean;
}

const TOOLS = ['echo', 'delete_file', 'slow', 'fail'].map((name) => ({
  name,
  title: `The ${name} tool`,
  description: `Tool ${name} – “quoted”, \u2028 separated`,
  inputSchema: { type: 'object', properties: { message: { type: 'string' } }, additionalProperties: true },
  outputSchema: { type: 'object', properties: { echoed: { type: 'string' } } },
  annotations: { readOnlyHint: name === 'echo', destructiveHint: name === 'delete_file' },
  _meta: { 'vendor/tool': { name } },
  unknownField: [1, { deep: true }],
}));

export async function startMcpUpstream(options: McpUpstreamOptions = {}): Promise<McpUpstream> {
  const seen: UpstreamRequestSeen[] = [];
  const sessions = new Set<string>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      seen.push({ method: request.method ?? '', target: request.url ?? '', headers: request.headers, body });
      answer(request, response, body, sessions, options);
    });
  });
  const { origin, close } = await listenOnLoopback(server);
  return {
    url: `${origin}/mcp`,
    seen,
    calls: () => seen.filter(({ body }) => body.includes('tools/call')).length,
    close,
  };
}

function answer(request: IncomingMessage, response: ServerResponse, body: string, sessions: Set<string>, options: McpUpstreamOptions): void {
  if (request.method === 'DELETE') return void response.writeHead(200).end();
  if (request.method === 'GET') return openStream(response);
  const message: { id?: unknown; method?: string; params?: { name?: string; arguments?: Record<string, unknown>; protocolVersion?: string } } =
    JSON.parse(body);
  if (message.id === undefined) return void response.writeHead(202).end();
  const session = request.headers['mcp-session-id'];
  if (message.method === 'initialize') {
    const id = randomUUID();
    sessions.add(id);
    if (options.sessions === true) response.setHeader('mcp-session-id', id);
  } else if (options.sessions === true && (typeof session !== 'string' || !sessions.has(session))) {
    const status = session === undefined ? 400 : 404;
    return void response
      .writeHead(status, { 'content-type': 'application/json' })
      .end('{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"no valid session"}}');
  }
  // The id's own spelling is not known here; what is tested byte for byte is the result.
  const text = `{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},"result":${resultOf(message)}}`;
  if (options.streams === true) {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(`event: message\nid: 1\ndata: ${text}\n\n`);
  } else response.writeHead(200, { 'content-type': 'application/json' }).end(text);
}

function openStream(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write('event: message\ndata: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n');
}

function resultOf(message: { method?: string; params?: { name?: string; arguments?: Record<string, unknown>; protocolVersion?: string } }): string {
  switch (message.method) {
    case 'initialize':
      return JSON.stringify({
        protocolVersion: message.params?.protocolVersion ?? '2025-11-25',
        capabilities: { tools: { listChanged: true } },
        serverInfo: { name: 'test-upstream', version: '1.0.0' },
      });
    case 'tools/list':
      return JSON.stringify({ tools: TOOLS, nextCursor: 'more', _meta: { page: 1 } });
    case 'tools/call':
      return callResult(message.params?.name ?? '', textIn(message.params?.arguments?.['message']));
    default:
      return '{}';
  }
}

function textIn(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Spelled by hand: numbers, escapes and unknown fields must arrive exactly so. */
function callResult(tool: string, text: string): string {
  if (tool === 'fail') return '{"content":[{"type":"text","text":"it failed"}],"isError":true}';
  return (
    `{"content":[{"type":"text","text":${JSON.stringify(text)}}],"structuredContent":{"echoed":${JSON.stringify(text)},"big":12345678901234567890,"exact":1.0,"tiny":1e-7},` +
    '"_meta":{"vendor/trace":"\\u0041\\/b"},"unknownField":{"kept":[null,true]}}'
  );
}

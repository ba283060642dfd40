/** An MCP server of revision 2026-07-28 that tells what reached it, and whose tool `hang` never answers. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import { listenOnLoopback } from './loopback.ts';

export interface ModernUpstream {
  readonly url: string;
  /** Every request that arrived, in order. */
  readonly seen: { readonly headers: IncomingHttpHeaders; readonly body: string }[];
  /** How many requests ended because the connection did. */
  cancelled(): number;
  close(): Promise<void>;
}

const messageSchema = z.object({ id: z.union([z.string(), z.number()]), method: z.string(), params: z.object({ name: z.string().optional() }) });
const TOOLS = ['echo', 'delete_file', 'hang'].map((name) => ({ name, inputSchema: { type: 'object' } }));

export async function startModernUpstream(): Promise<ModernUpstream> {
  const seen: ModernUpstream['seen'] = [];
  let cancelled = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      seen.push({ headers: request.headers, body });
      const { id, method, params } = messageSchema.parse(JSON.parse(body));
      response.on('close', () => {
        if (!response.writableFinished) cancelled++;
      });
      if (params.name === 'hang') return;
      // A session that no client of this revision asked for must not reach one.
      response.writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': 'upstream-session' });
      response.end(JSON.stringify({ jsonrpc: '2.0', id, result: { resultType: 'complete', ...resultOf(method) } }));
    });
  });
  const { origin, close } = await listenOnLoopback(server);
  return {
    url: `${origin}/mcp`,
    seen,
    cancelled: () => cancelled,
    close,
  };
}

function resultOf(method: string): object {
  const caching = { ttlMs: 60_000, cacheScope: 'public' };
  switch (method) {
    case 'server/discover':
      return { ...caching, supportedVersions: ['2026-07-28'], capabilities: { tools: {} } };
    case 'tools/list':
      return { ...caching, tools: TOOLS };
    default:
      return { content: [] };
  }
}

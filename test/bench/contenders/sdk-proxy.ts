/** The proxy that one writes in an afternoon: the SDK's client to a STDIO server, the SDK's HTTP transport to callers, a server object a session. */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';

const [port, command = '', ...args] = process.argv.slice(2);
const client = new Client({ name: 'sdk-proxy', version: '1.0.0' });
await client.connect(new StdioClientTransport({ command, args }));
const sessions = new Map<string, StreamableHTTPServerTransport>();

createServer((request, response) => {
  const id = request.headers['mcp-session-id'];
  const known = typeof id === 'string' ? sessions.get(id) : undefined;
  const opening = known === undefined ? openSession() : Promise.resolve(known);
  opening
    .then((transport) => transport.handleRequest(request, response))
    .catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
}).listen(Number(port), '127.0.0.1');
process.once('SIGTERM', () => void client.close().finally(() => process.exit(0)));

async function openSession(): Promise<StreamableHTTPServerTransport> {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => void sessions.set(id, transport),
    enableJsonResponse: true,
  });
  const server = new Server({ name: 'sdk-proxy', version: '1.0.0' }, { capabilities: { tools: {} } });
  server.setRequestHandler(ListToolsRequestSchema, ({ params }) => client.listTools(params));
  server.setRequestHandler(CallToolRequestSchema, ({ params }) => client.callTool(params));
  await server.connect(transport);
  return transport;
}

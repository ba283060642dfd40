/** The tool server of the benchmark: speaks enough MCP for a client, answers calls as cheaply as Node can, and counts them by path. */
import { createServer, type ServerResponse } from 'node:http';

const TOOL = { name: 'echo', description: 'Answers with text.', inputSchema: { type: 'object', properties: { message: { type: 'string' } } } };
const RESULTS: readonly (readonly [mark: string, result: string])[] = [
  ['"method":"tools/call"', JSON.stringify({ content: [{ type: 'text', text: 'x'.repeat(220) }] })],
  ['"method":"tools/list"', JSON.stringify({ tools: [TOOL] })],
  ['"method":"initialize"', JSON.stringify({ protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'bench', version: '1.0.0' } })],
];
const ID = /"id":(\d+|"[^"\\]*")/;
const callsByPath = new Map<string, number>();

const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('latin1');
  request.on('data', (chunk: string) => (body += chunk));
  request.on('end', () => {
    const path = request.url ?? '';
    if (body.includes('"method":"tools/call"')) callsByPath.set(path, (callsByPath.get(path) ?? 0) + 1);
    answer(response, body, path.endsWith('/stream'));
  });
});
server.keepAliveTimeout = 60_000;
server.listen(Number(process.argv[2]), '127.0.0.1');
process.once('SIGTERM', () => {
  process.stdout.write(`${JSON.stringify(Object.fromEntries(callsByPath))}\n`, () => process.exit(0));
});

/** Notifications have no id and get no answer; a path that ends with `/stream` is answered with an event stream of one message. */
function answer(response: ServerResponse, body: string, isStream: boolean): void {
  const id = ID.exec(body)?.[1];
  if (id === undefined) return void response.writeHead(202, ['Content-Length', '0']).end();
  const result = RESULTS.find(([mark]) => body.includes(mark))?.[1] ?? '{}';
  const message = `{"jsonrpc":"2.0","id":${id},"result":${result}}`;
  const text = isStream ? `event: message\ndata: ${message}\n\n` : message;
  response.writeHead(200, ['Content-Type', isStream ? 'text/event-stream' : 'application/json', 'Content-Length', String(text.length)]);
  response.end(text, 'latin1');
}

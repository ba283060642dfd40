/** The tool server of the benchmark: answers every message with the same 300 bytes, as cheaply as Node can. */
import { createServer } from 'node:http';

const ANSWER = Buffer.from(`{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"${'x'.repeat(220)}"}]}}`);

const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    response.writeHead(200, ['Content-Type', 'application/json', 'Content-Length', String(ANSWER.length)]);
    response.end(ANSWER);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(Number(process.argv[2]), '127.0.0.1');

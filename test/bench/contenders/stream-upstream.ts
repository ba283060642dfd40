/** The tool server of the stream benchmark: every GET opens a stream; with a rate, each gets so many numbered events a second. */
import { createServer, type ServerResponse } from 'node:http';

const [port = '0', eventsPerSecond = '0'] = process.argv.slice(2);
const streams = new Map<ServerResponse, number>();

const server = createServer((request, response) => {
  request.resume();
  if (request.method !== 'GET' || request.url === '/') return void response.writeHead(200, ['Content-Length', '0']).end();
  response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
  streams.set(response, 0);
  response.on('close', () => streams.delete(response));
});
server.listen(Number(port), '127.0.0.1');

if (Number(eventsPerSecond) > 0) setInterval(tell, 1000 / Number(eventsPerSecond));

function tell(): void {
  for (const [response, number] of streams) {
    streams.set(response, number + 1);
    response.write(`id: ${number}\nevent: message\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":${number}}}\n\n`);
  }
}

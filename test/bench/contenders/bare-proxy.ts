/** A proxy without governance, written as well as the gateway's own transport: the cost that governance is measured against. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { Pool, type Dispatcher } from 'undici';

const [port, upstreamUrl = ''] = process.argv.slice(2);
const { origin, pathname: path } = new URL(upstreamUrl);
const HEADERS = ['content-type', 'application/json', 'accept', 'application/json, text/event-stream'];
const pool = new Pool(origin, { connections: 256, pipelining: 1, allowH2: false });
const streams = new Pool(origin, { connections: 10_000, pipelining: 1, allowH2: false });

class Relay implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse;
  #status = 0;
  #chunks: Buffer[] = [];
  #isStream = false;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  onRequestStart(): void {}

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    this.#status = status;
    this.#isStream = headers['content-type'] === 'text/event-stream';
    if (!this.#isStream) return;
    this.#response.writeHead(status, ['Content-Type', 'text/event-stream']);
    this.#response.flushHeaders();
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isStream) this.#response.write(chunk);
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#isStream) return void this.#response.end();
    const [first] = this.#chunks;
    const body = this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks);
    this.#response.writeHead(this.#status, ['Content-Type', 'application/json', 'Content-Length', String(body.length)]);
    this.#response.end(body);
  }

  onResponseError(): void {
    this.#response.destroy();
  }
}

createServer((request, response) => {
  if (request.method === 'GET') {
    streams.dispatch({ path, method: 'GET', headers: ['accept', 'text/event-stream'], bodyTimeout: 0 }, new Relay(response));
    return;
  }
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const [first] = chunks;
    const body = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
    pool.dispatch({ path, method: 'POST', headers: HEADERS, body }, new Relay(response));
  });
}).listen(Number(port), '127.0.0.1');
// Ends in order, so that a profile is written.
process.once('SIGTERM', () => process.exit(0));

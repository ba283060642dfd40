/** Stands in front of several nodes as a balancer that keeps no client anywhere: each request goes to the node after the last one. */
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import { listenOnLoopback, type Loopback } from '../support/loopback.ts';

export function startAlternatingForwarder(nodeUrls: readonly string[]): Promise<Loopback> {
  let count = 0;
  return listenOnLoopback(
    createServer((request, response) => {
      const nodeUrl = nodeUrls[count++ % nodeUrls.length];
      if (nodeUrl === undefined) throw new Error('there is no node to forward to');
      forward(request, response, nodeUrl);
    }),
  );
}

function forward(request: IncomingMessage, response: ServerResponse, nodeUrl: string): void {
  const outgoing = httpRequest(new URL(request.url ?? '/', nodeUrl), { method: request.method, headers: request.headers, agent: false });
  outgoing.on('response', (incoming) => {
    response.writeHead(incoming.statusCode ?? 502, incoming.headers);
    response.flushHeaders();
    pipeline(incoming, response, () => undefined);
  });
  outgoing.on('error', (error) => response.destroy(error));
  response.on('close', () => outgoing.destroy());
  request.pipe(outgoing);
}

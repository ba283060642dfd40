/** Callers who listen hold a connection each; calls to the same upstream do not wait for theirs. */
import { createServer, type ServerResponse } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pino } from 'pino';
import { createStreamableHttpTransport } from '../../../data-plane/transports/streamable-http.ts';
import type { Transport } from '../../../data-plane/transports/transport.ts';
import { UpstreamPools } from '../../../data-plane/transports/upstream-pools.ts';
import { listenOnLoopback, type Loopback } from '../../support/loopback.ts';
import { toolCall } from '../../support/rpc-call.ts';
import { KeepingSink, stdioServer, upstreamRequest } from '../../support/stdio-caller.ts';

const CONNECTIONS = 2;
const STREAMS = 20;

let upstream: Loopback;
let transport: Transport;
let endpointUrl: string;
const listening: ServerResponse[] = [];
let onListener: () => void = () => undefined;

beforeAll(async () => {
  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      listening.push(response);
      return onListener();
    }
    request.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{"jsonrpc":"2.0","id":1,"result":{}}'));
  });
  upstream = await listenOnLoopback(server);
  endpointUrl = `${upstream.origin}/mcp`;
  const pools = new UpstreamPools({ connectionsMax: CONNECTIONS, streamsMax: STREAMS, privateCidrs: undefined });
  transport = createStreamableHttpTransport(pools, pino({ level: 'silent' }));
});

afterAll(async () => {
  await transport?.close();
  await upstream?.close();
});

test(`${STREAMS} streams leave the ${CONNECTIONS} connections of calls alone`, async () => {
  const stdio = stdioServer();
  const server = { ...stdio, config: { ...stdio.config, transport: 'STREAMABLE_HTTP' as const, endpointUrl, stdioCommand: null } };
  const flights = Array.from({ length: STREAMS }, () =>
    transport.send(upstreamRequest(server, undefined, { httpMethod: 'GET', acceptsEventStream: true }), new KeepingSink()),
  );
  while (listening.length < STREAMS) {
    await new Promise<void>((resolve) => {
      onListener = resolve;
    });
  }
  const calls = Array.from({ length: 10 }, () => {
    const sink = new KeepingSink();
    transport.send(upstreamRequest(server, toolCall('echo')), sink);
    return sink.received;
  });
  expect((await Promise.all(calls)).map(({ kind }) => kind)).toEqual(Array.from({ length: 10 }, () => 'answer'));
  for (const flight of flights) flight.cancel();
});

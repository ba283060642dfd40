/** A server that keeps failing is left alone and harms no other, nothing is sent to it twice, and no connection is made that cannot be trusted. */
import { once } from 'node:events';
import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { GovernedServer } from '../../../data-plane/config/governed-server.ts';
import { createStreamableHttpTransport } from '../../../data-plane/transports/streamable-http.ts';
import type { Transport, UpstreamRequest } from '../../../data-plane/transports/transport.ts';
import { BREAKER_LIMITS } from '../../../data-plane/transports/upstream-breaker.ts';
import { UpstreamPools } from '../../../data-plane/transports/upstream-pools.ts';
import { listenOnLoopback } from '../../support/loopback.ts';
import { rpcCall } from '../../support/rpc-call.ts';
import { SELF_SIGNED } from '../../support/self-signed.ts';
import { changed, limited, send, stdioServer, upstreamRequest } from '../../support/stdio-caller.ts';

const CALL = rpcCall('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x"}}');
const CALLS = 40;

let transport: Transport;
let upstream: { origin: string; close(): Promise<void> };
let arrived = 0;

beforeAll(async () => {
  const server = createHttpServer((request, response) => {
    request.resume().on('end', () => {
      arrived++;
      if (request.url === '/silent') return;
      if (request.url === '/endless') return response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
      const isBad = request.method === 'POST' && (request.url === '/down' || (request.url === '/failing' && arrived % 2 === 0));
      response.writeHead(isBad ? 500 : 200, { 'content-type': 'application/json' }).end('{"jsonrpc":"2.0","id":1,"result":{}}');
    });
  });
  upstream = await listenOnLoopback(server);
  transport = createStreamableHttpTransport(new UpstreamPools({ connectionsMax: 4, streamsMax: 4, privateCidrs: undefined }), pino({ level: 'silent' }));
});

afterAll(async () => {
  await transport?.close();
  await upstream?.close();
});

const serverAt = (endpointUrl: string): GovernedServer => changed(stdioServer(), { transport: 'STREAMABLE_HTTP', endpointUrl });

async function outcomeOf(server: GovernedServer): Promise<string> {
  const received = await send(transport, upstreamRequest(server, CALL)).received;
  return received.kind === 'failure' ? received.refusal.reason : received.kind;
}

test('a server that fails every other call is left alone after a while, and another one on the same host is not', async () => {
  const [failing, healthy] = [serverAt(`${upstream.origin}/failing`), serverAt(`${upstream.origin}/healthy`)];
  arrived = 0;
  const outcomes: string[] = [];
  for (let count = 0; count < CALLS; count++) outcomes.push(await outcomeOf(failing));
  const sent = outcomes.filter((outcome) => outcome !== 'circuit_open');
  expect(new Set(outcomes)).toEqual(new Set(['answer', 'bad_status', 'circuit_open']));
  expect(arrived).toBe(sent.length);
  expect(sent.length).toBeLessThan(CALLS);
  expect(await outcomeOf(healthy)).toBe('answer');
});

test.each([
  ['silent', 'circuit_open'],
  ['endless', 'total_timeout'],
])('a server whose answers are %s until their time is over: %s', async (path, last) => {
  const server = limited(serverAt(`${upstream.origin}/${path}`), { totalTimeoutMillis: 100 });
  let outcome = '';
  for (let count = 0; count < BREAKER_LIMITS.failuresMax + 2 && outcome !== 'circuit_open'; count++) outcome = await outcomeOf(server);
  expect(outcome).toBe(last);
});

test('a message in a session that was ended is never the one that tries for all, since it is not sent', async () => {
  const down = serverAt(`${upstream.origin}/down`);
  const ask = (changes: Partial<UpstreamRequest>) => send(transport, upstreamRequest(down, CALL, { upstreamSessionId: 'ended', ...changes })).received;
  await ask({ httpMethod: 'DELETE', call: undefined });
  while ((await outcomeOf(down)) !== 'circuit_open');
  expect(await ask({})).toMatchObject({ kind: 'failure', refusal: { reason: 'unknown_session' } });
});

test.each([
  ['vouched for by nobody', 'localhost'],
  ['for another name', '127.0.0.1'],
])('a certificate %s ends the connection before anything is sent', async (_what, host) => {
  let requests = 0;
  const server: Server = createTlsServer(SELF_SIGNED, () => void requests++);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  expect(await outcomeOf(serverAt(`https://${host}:${port}/mcp`))).toBe('unreachable');
  expect(requests).toBe(0);
});

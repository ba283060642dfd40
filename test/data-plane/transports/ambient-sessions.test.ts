/** Callers without a session are lent one, and nothing of a call is left behind when it cannot be had. */
import { createServer } from 'node:http';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { createStreamableHttpTransport } from '../../../data-plane/transports/streamable-http.ts';
import { UpstreamPools } from '../../../data-plane/transports/upstream-pools.ts';
import { listenOnLoopback } from '../../support/loopback.ts';
import { toolCall } from '../../support/rpc-call.ts';
import { changed, send, stdioServer, upstreamRequest } from '../../support/stdio-caller.ts';

const messageSchema = z.object({ id: z.union([z.string(), z.number()]).optional(), method: z.string() });

test('a call whose session cannot be opened anew gives its id back', async () => {
  const ids: unknown[] = [];
  let [isOpen, isBroken] = [false, false];
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    request.on('end', () => {
      const { id, method } = messageSchema.parse(JSON.parse(text));
      if (method === 'initialize') {
        if (isBroken) return void response.destroy();
        isOpen = true;
        response.setHeader('mcp-session-id', 'the-only-one');
      }
      if (id === undefined) return void response.writeHead(202).end();
      if (!isOpen) return void response.writeHead(request.headers['mcp-session-id'] === undefined ? 400 : 404).end();
      if (method === 'tools/call') ids.push(id);
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id, result: { protocolVersion: '2025-11-25' } }));
    });
  });
  const { origin, close } = await listenOnLoopback(server);
  const pools = new UpstreamPools({ connectionsMax: 10, streamsMax: 10, privateCidrs: undefined });
  const transport = createStreamableHttpTransport(pools, pino({ level: 'silent' }));
  onTestFinished(async () => {
    await transport.close();
    await close();
  });
  const target = changed(stdioServer(), { transport: 'STREAMABLE_HTTP', endpointUrl: `${origin}/mcp` });
  const call = () => send(transport, upstreamRequest(target, toolCall('echo'))).received;

  expect(await call()).toMatchObject({ kind: 'answer', head: { status: 200 } });
  [isOpen, isBroken] = [false, true];
  expect(await call()).toMatchObject({ kind: 'failure', refusal: { reason: 'connection_lost' } });
  isBroken = false;
  expect(await call()).toMatchObject({ kind: 'answer', head: { status: 200 } });
  expect(ids).toEqual([1, 1]);
});

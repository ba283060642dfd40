/** A request that is carried arrives as it was sent and its answer comes back as it was given, piece by piece, until one of both ends. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request as httpRequest, type ClientRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { pino } from 'pino';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { SESSION_HEADER, SessionIds } from '../../../data-plane/mcp/session-ids.ts';
import { Carrier, type CarryEnding } from '../../../data-plane/nodes/carrier.ts';
import { CARRIED_HEADER, NodeProofs } from '../../../data-plane/nodes/node-proofs.ts';
import { systemClock } from '../../../shared/clock.ts';
import { listenOnLoopback } from '../../support/loopback.ts';
import { eventually, freePort } from '../../support/processes.ts';

const KEY = randomBytes(32);
const OWNER = { apiKeyId: 'key_1', serverId: 'srv_1' };
const CLIENT = { name: null, version: null };

/** What the node that holds the session makes of a request. */
let holds: (request: IncomingMessage, response: ServerResponse) => void;
let nearUrl: string;
let farUrl: string;
let endings: CarryEnding[];

beforeEach(async () => {
  endings = [];
  const far = await listenOnLoopback(createServer((request, response) => holds(request, response)));
  const carrier = carrierOf('http://127.0.0.1:1');
  const near = await listenOnLoopback(
    createServer((request, response) => {
      const holder = carrier.holderOf(request);
      if (holder === undefined) return void response.writeHead(204).end();
      void carrier.carry(holder, request, response).then((ending) => {
        endings.push(ending);
        if (ending !== 'carried') response.writeHead(503).end(ending);
      });
    }),
  );
  [nearUrl, farUrl] = [near.origin, far.origin];
  onTestFinished(async () => {
    carrier.close();
    await Promise.all([near.close(), far.close()]);
  });
});

function carrierOf(ownUrl: string): Carrier {
  return new Carrier({
    sessions: new SessionIds(KEY),
    doorIds: new SessionIds(KEY),
    proofs: new NodeProofs(KEY, systemClock),
    log: pino({ level: 'silent' }),
    ownUrl,
  });
}

const sessionAt = (nodeUrl: string, key = KEY) => new SessionIds(key, nodeUrl).mintHere(OWNER, 'upstream', CLIENT, null);

function ask(method: string, id: string, headers: Record<string, string> = {}, path = '/v1/mcp/files?x=1'): ClientRequest {
  return httpRequest(nearUrl + path, { method, agent: false, headers: { [SESSION_HEADER]: id, ...headers } });
}

async function answerTo(outgoing: ClientRequest): Promise<IncomingMessage> {
  const [incoming]: IncomingMessage[] = await once(outgoing, 'response');
  if (incoming === undefined) throw new Error('there is no answer');
  return incoming.setEncoding('utf8');
}

async function textOf(outgoing: ClientRequest): Promise<string> {
  return (await (await answerTo(outgoing)).toArray()).join('');
}

test('method, path, headers and body arrive as they were sent, and the answer as it was given', async () => {
  holds = (request, response) => {
    const { method, url, headers } = request;
    expect({ method, url }).toEqual({ method: 'POST', url: '/v1/mcp/files?x=1' });
    expect(headers).toMatchObject({ host: new URL(nearUrl).host, authorization: 'Bearer key', 'content-length': '5' });
    expect(new NodeProofs(KEY, systemClock).originOf(request)).toEqual({ clientIp: '127.0.0.1', localAddress: '127.0.0.1' });
    response.writeHead(418, ['X-One', '1', 'X-One', '2']);
    request.pipe(response);
  };
  const outgoing = ask('POST', sessionAt(farUrl), { authorization: 'Bearer key', 'content-length': '5' });
  outgoing.end('hello');
  const incoming = await answerTo(outgoing);
  expect(incoming.statusCode).toBe(418);
  expect(incoming.headersDistinct['x-one']).toEqual(['1', '2']);
  expect((await incoming.toArray()).join('')).toBe('hello');
});

test('both directions pass piece by piece', async () => {
  holds = (request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    request.on('data', (piece: Buffer) => response.write(`<${piece.toString()}>`));
    request.on('end', () => response.end());
  };
  const outgoing = ask('POST', sessionAt(farUrl));
  outgoing.write('one');
  const pieces = (await answerTo(outgoing))[Symbol.asyncIterator]();
  expect(await pieces.next()).toMatchObject({ value: '<one>' });
  outgoing.end('two');
  expect(await pieces.next()).toMatchObject({ value: '<two>' });
  expect(await pieces.next()).toMatchObject({ done: true });
});

test('a session that is named in the address is found as well', async () => {
  holds = (request, response) => void response.end(request.url);
  const path = `/v1/mcp/files/messages?sessionId=${sessionAt(farUrl)}`;
  const outgoing = httpRequest(nearUrl + path, { method: 'POST', agent: false }).end();
  expect(await textOf(outgoing)).toBe(path);
});

test('an answer that comes before the body has arrived comes back, and the rest of the body is not waited for', async () => {
  holds = (_request, response) => void response.writeHead(413, { connection: 'close' }).end('too much');
  const outgoing = ask('POST', sessionAt(farUrl), { 'content-length': '1000000' });
  outgoing.on('error', () => undefined);
  outgoing.write('x'.repeat(1000));
  const incoming = await answerTo(outgoing);
  expect([incoming.statusCode, incoming.headers.connection]).toEqual([413, 'close']);
  expect((await incoming.toArray()).join('')).toBe('too much');
});

test('a caller who leaves is gone for the other node too', async () => {
  const closed = Promise.withResolvers<void>();
  holds = (_request, response) => {
    response.on('close', () => closed.resolve());
    response.writeHead(200).write('listen');
  };
  const outgoing = ask('GET', sessionAt(farUrl)).end();
  outgoing.on('error', () => undefined);
  await once(
    (await answerTo(outgoing)).on('error', () => undefined),
    'data',
  );
  outgoing.destroy();
  await closed.promise;
  await eventually(() => endings[0], 'the carrying being over');
  expect(endings).toEqual(['carried']);
});

test('an answer that breaks off breaks off for the caller', async () => {
  holds = (_request, response) => {
    response.writeHead(200).write('half of it', () => response.destroy());
  };
  const incoming = await answerTo(ask('GET', sessionAt(farUrl)).end());
  await expect(incoming.toArray()).rejects.toThrow(/aborted/);
});

test('a node that is gone is told apart from one that was lost after it had heard', async () => {
  expect(await textOf(ask('GET', sessionAt(`http://127.0.0.1:${await freePort()}`)).end())).toBe('unreachable');
  holds = (request) => void request.socket.destroy();
  expect(await textOf(ask('GET', sessionAt(farUrl)).end())).toBe('lost');
});

test.each([
  ['a session that lives on no node', () => new SessionIds(KEY).mint(OWNER, 'upstream', CLIENT, null), {}],
  ['an id that somebody else signed', () => sessionAt(farUrl, randomBytes(32)), {}],
  [
    'a node that was put into an id',
    () => `~${Buffer.from(JSON.stringify(['s', 'k', 's', null, null, null, farUrl])).toString('base64url')}.${'A'.repeat(43)}`,
    {},
  ],
  ['a session that lives here', () => sessionAt('http://127.0.0.1:1'), {}],
  ['a request that was carried already, rightly or not', () => sessionAt(farUrl), { [CARRIED_HEADER]: 'anything' }],
])('nowhere goes %s', async (_what, id, headers) => {
  holds = () => {
    throw new Error('this request must not come here');
  };
  expect((await answerTo(ask('GET', id(), headers).end())).statusCode).toBe(204);
});

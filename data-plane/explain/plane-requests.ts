/** What the control plane alone may ask of this node: to explain a call, and to make one in the name of a key. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { CALL_PATH, EXPLAIN_PATH, standInCallSchema, supposedCallSchema } from '../../shared/explanation.ts';
import { PLANE_PROOF_HEADER } from '../../shared/plane-proofs.ts';
import { answerJson } from '../answer-json.ts';
import { Exchange } from '../exchange.ts';
import type { Gateway } from '../gateway.ts';
import { MISDIRECTED, originOfSocket } from '../nodes/node-proofs.ts';
import { REQUEST_BYTES_MAX } from '../settings.ts';
import { explainAccess } from './explain-access.ts';
import { supposedRequest } from './supposed-request.ts';

export type HandleExchange = (gateway: Gateway, exchange: Exchange) => Promise<void>;

/** A message stands in the body as text, which may make it twice as long. */
const BODY_BYTES_MAX = 2 * REQUEST_BYTES_MAX + 65_536;
const PLAYGROUND = 'turnpike-playground';

/** Undefined for a path of nobody's, and for whoever does not even claim to be the control plane: to him it is the same. */
export function planeRequestOf(path: string, request: IncomingMessage): 'explain' | 'call' | undefined {
  if (request.method !== 'POST' || request.headers[PLANE_PROOF_HEADER] === undefined) return undefined;
  if (path === EXPLAIN_PATH) return 'explain';
  return path === CALL_PATH ? 'call' : undefined;
}

export async function answerPlane(
  gateway: Gateway,
  asked: 'explain' | 'call',
  { request, response }: { request: IncomingMessage; response: ServerResponse },
  handle: HandleExchange,
): Promise<void> {
  const proof = String(request.headers[PLANE_PROOF_HEADER]);
  const proved = gateway.planeProofs.accept(request.url ?? '', proof);
  if (proved === undefined) return disbelieve(response);
  const body = await readBounded(request);
  if (body === undefined) return answerJson(response, 413, { error: 'too_large' });
  if (!proved.is(body)) return disbelieve(response);
  const given: unknown = JSON.parse(body.toString('utf8'));
  if (asked === 'call') return makeCall(gateway, given, { request, response }, handle);
  const supposed = supposedCallSchema.safeParse(given);
  if (!supposed.success) return answerJson(response, 400, { error: z.prettifyError(supposed.error) });
  const text = JSON.stringify(await explainAccess(gateway, supposed.data, originOfSocket(request).clientIp));
  response.setHeader(PLANE_PROOF_HEADER, gateway.planeProofs.proveAnswer(proof, text));
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }).end(text);
}

function disbelieve(response: ServerResponse): void {
  answerJson(response, MISDIRECTED, { error: 'not_asked_by_the_control_plane' });
}

/** All steps are those of every call, the record too. It comes from where the control plane is. */
async function makeCall(
  gateway: Gateway,
  given: unknown,
  { request, response }: { request: IncomingMessage; response: ServerResponse },
  handle: HandleExchange,
): Promise<void> {
  const call = standInCallSchema.safeParse(given);
  if (!call.success) return answerJson(response, 400, { error: z.prettifyError(call.error) });
  const { apiKeyId, organisationId, server, message } = call.data;
  const supposed = supposedRequest({ message, headers: { accept: 'application/json', 'user-agent': PLAYGROUND }, inputBytes: null });
  const origin = { ...originOfSocket(request), standsFor: { apiKeyId, organisationId } };
  await handle(gateway, new Exchange(supposed, response, { identifier: server, tailPath: '' }, gateway.clock, origin));
}

async function readBounded(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > BODY_BYTES_MAX) return undefined;
  }
  return Buffer.concat(chunks);
}

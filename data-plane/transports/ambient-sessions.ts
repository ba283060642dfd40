/** Sessions that the gateway opens itself and lends to callers who have none, one per key and server. */
import type { Logger } from 'pino';
import type { Dispatcher } from 'undici';
import { z } from 'zod';
import type { EffectiveLimits } from '../../shared/server-limits.ts';
import { SESSION_HEADER } from '../mcp/session-ids.ts';
import { EventCollector } from './event-collector.ts';
import type { UpstreamRequest } from './transport.ts';
import { pathOf, type UpstreamTarget } from './upstream-target.ts';

const PROTOCOL_VERSION = '2025-11-25';
const HANDSHAKE_TIMEOUT_MILLIS = 20_000;
const ANSWER_BYTES_MAX = 1024 * 1024;
const SESSIONS_MAX = 10_000;

const INITIALIZE = JSON.stringify({
  jsonrpc: '2.0',
  id: 'turnpike',
  method: 'initialize',
  params: { protocolVersion: PROTOCOL_VERSION, capabilities: {}, clientInfo: { name: 'turnpike', version: '0.1.0' } },
});
const INITIALIZED = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' });
const initializeResultSchema = z.object({ result: z.object({ protocolVersion: z.string() }) });

interface AmbientSession {
  readonly serverId: string;
  readonly id: string;
}

export class AmbientSessions {
  readonly #log: Logger;
  readonly #open = new Map<string, AmbientSession>();
  readonly #opening = new Map<string, Promise<string | undefined>>();

  constructor(log: Logger) {
    this.#log = log;
  }

  find(request: UpstreamRequest): string | undefined {
    return this.#open.size === 0 ? undefined : this.#open.get(keyOf(request))?.id;
  }

  /**
   * Opens the session of a key and server once, however many requests wait for it; undefined when the server has no sessions.
   * `stale` is the session that the upstream has just refused: one that somebody else has opened since is good.
   */
  open(target: UpstreamTarget, request: UpstreamRequest, stale: string | undefined): Promise<string | undefined> {
    const key = keyOf(request);
    const current = this.#open.get(key)?.id;
    if (current !== undefined && current !== stale) return Promise.resolve(current);
    this.#open.delete(key);
    let opening = this.#opening.get(key);
    if (opening === undefined) {
      opening = this.#handshake(target, key, request).finally(() => this.#opening.delete(key));
      this.#opening.set(key, opening);
    }
    return opening;
  }

  retire(serverId: string): void {
    for (const [key, session] of this.#open) if (session.serverId === serverId) this.#open.delete(key);
  }

  close(): void {
    this.#open.clear();
  }

  async #handshake(target: UpstreamTarget, key: string, request: UpstreamRequest): Promise<string | undefined> {
    const serverId = request.server.config.id;
    const path = pathOf(target, request.tailPath);
    const { limits } = request.server;
    const answer = await post(target, { path, limits, body: INITIALIZE, headers: [] });
    const sessionId = answer.headers[SESSION_HEADER];
    const version = await protocolVersionOf(answer);
    if (typeof sessionId !== 'string' || version === undefined) return undefined;
    const headers = [SESSION_HEADER, sessionId, 'mcp-protocol-version', version];
    const initialized = await post(target, { path, limits, body: INITIALIZED, headers });
    await initialized.body.dump();
    if (this.#open.size >= SESSIONS_MAX) this.#open.clear();
    this.#open.set(key, { serverId, id: sessionId });
    this.#log.debug({ serverId }, 'opened an upstream session to lend');
    return sessionId;
  }
}

function keyOf(request: UpstreamRequest): string {
  return `${request.server.config.id} ${request.apiKeyId} ${request.tailPath}`;
}

interface HandshakeMessage {
  readonly path: string;
  readonly body: string;
  readonly headers: readonly string[];
  readonly limits: EffectiveLimits;
}

function post(target: UpstreamTarget, { path, body, headers, limits }: HandshakeMessage): Promise<Dispatcher.ResponseData> {
  return target.pool.request({
    path,
    method: 'POST',
    headers: [...target.messageHeaders, ...headers],
    body,
    headersTimeout: Math.min(HANDSHAKE_TIMEOUT_MILLIS, limits.headersTimeoutMillis),
    // The whole exchange: everybody who wants the session waits for it, however busy the server keeps the line.
    signal: AbortSignal.timeout(Math.min(HANDSHAKE_TIMEOUT_MILLIS, limits.totalTimeoutMillis)),
  });
}

/** Reads the result of `initialize` from JSON or from an event stream; undefined when the server did not agree. */
async function protocolVersionOf(answer: Dispatcher.ResponseData): Promise<string | undefined> {
  if (answer.statusCode !== 200) {
    await answer.body.dump();
    return undefined;
  }
  const isStream = String(answer.headers['content-type']).startsWith('text/event-stream');
  const text = isStream ? await firstAnswer(answer.body) : await answer.body.text();
  if (text === undefined || text.length > ANSWER_BYTES_MAX) return undefined;
  const reading = initializeResultSchema.safeParse(JSON.parse(text));
  return reading.success ? reading.data.result.protocolVersion : undefined;
}

async function firstAnswer(body: AsyncIterable<Buffer>): Promise<string | undefined> {
  const collector = new EventCollector(ANSWER_BYTES_MAX, undefined);
  for await (const chunk of body) {
    const answer = collector.push(chunk);
    if (answer !== undefined) return answer.toString('utf8');
  }
  return undefined;
}

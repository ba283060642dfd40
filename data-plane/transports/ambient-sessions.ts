/** Sessions that the gateway opens itself and lends to callers who have none, one per key and server. */
import type { Logger } from 'pino';
import type { Introduction } from '../mcp/introduction.ts';
import type { UpstreamRequest } from './transport.ts';
import { introduce } from './upstream-handshake.ts';
import { pathOf, type UpstreamTarget } from './upstream-target.ts';

const SESSIONS_MAX = 10_000;
const INTRODUCTION: Introduction = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'turnpike', version: '0.1.0' } };

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
    const session = await introduce({ target, path: pathOf(target, request.tailPath), limits: request.server.limits }, INTRODUCTION);
    if (session === undefined) return undefined;
    if (this.#open.size >= SESSIONS_MAX) this.#open.clear();
    this.#open.set(key, { serverId, id: session.id });
    this.#log.debug({ serverId }, 'opened an upstream session to lend');
    return session.id;
  }
}

function keyOf(request: UpstreamRequest): string {
  return `${request.server.config.id} ${request.apiKeyId} ${request.tailPath}`;
}

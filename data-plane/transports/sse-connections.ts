/** The connections to all HTTP+SSE servers: one for each session that a caller opened, and one per key and server for callers without. */
import type { Logger } from 'pino';
import { asRefusal, Refusal } from '../../shared/refusal.ts';
import type { GovernedServer } from '../config/governed-server.ts';
import { SseConnection } from './sse-connection.ts';
import { SSE_LIMITS, type SseLimits } from './sse-limits.ts';
import type { UpstreamRequest } from './transport.ts';
import type { UpstreamPools } from './upstream-pools.ts';
import { targetOf, type UpstreamTarget } from './upstream-target.ts';

export interface SseParts {
  readonly pools: UpstreamPools;
  readonly log: Logger;
  readonly limits?: Partial<SseLimits>;
}

export class SseConnections {
  readonly #parts: SseParts;
  readonly #limits: SseLimits;
  /** In the order in which they were last used. */
  readonly #all = new Set<SseConnection>();
  readonly #sessions = new Map<string, SseConnection>();
  readonly #ambient = new Map<string, SseConnection>();
  readonly #targets = new WeakMap<GovernedServer, UpstreamTarget>();
  #isClosed = false;

  constructor(parts: SseParts) {
    this.#parts = parts;
    this.#limits = { ...SSE_LIMITS, ...parts.limits };
  }

  /** A connection of the caller's own, for an `initialize`. Throws a refusal when there may be no further one. */
  open(request: UpstreamRequest): SseConnection {
    const connection = this.#newConnection(request, false);
    this.#sessions.set(connection.id, connection);
    connection.open();
    return connection;
  }

  /** The connection of the session that the caller presented. */
  find(request: UpstreamRequest): SseConnection {
    const connection = this.#sessions.get(request.upstreamSessionId ?? '');
    if (connection === undefined || connection.apiKeyId !== request.apiKeyId || connection.server.config.id !== request.server.config.id)
      throw unknownSession();
    if (!isSameReach(connection.server, request.server)) {
      this.#sessions.delete(connection.id);
      connection.retire(unknownSession());
      throw unknownSession();
    }
    return this.#use(connection);
  }

  /** The connection that callers of this key who have no session share. */
  ambientOf(request: UpstreamRequest): SseConnection {
    const known = this.findAmbient(request);
    if (known !== undefined) return known;
    const connection = this.#newConnection(request, true);
    this.#ambient.set(keyOf(request.server, request.apiKeyId), connection);
    connection.open();
    return connection;
  }

  findAmbient(request: UpstreamRequest): SseConnection | undefined {
    const known = this.#ambient.get(keyOf(request.server, request.apiKeyId));
    if (known === undefined) return undefined;
    if (isSameReach(known.server, request.server)) return this.#use(known);
    this.#ambient.delete(keyOf(known.server, known.apiKeyId));
    known.retire(changed(known.server));
    return undefined;
  }

  /** What is lent ends once it is idle. A session shows at its next message whether its server is still the same. */
  retire(serverId: string): void {
    for (const connection of this.#ambient.values()) {
      if (connection.server.config.id === serverId && connection.isIdle) connection.end(changed(connection.server));
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const connection of this.#all) connection.end(new Refusal('not_ready', 'draining'));
  }

  #newConnection(request: UpstreamRequest, isAmbient: boolean): SseConnection {
    if (this.#isClosed) throw new Refusal('not_ready', 'draining');
    const { server, apiKeyId } = request;
    const { pools, log } = this.#parts;
    let target = this.#targets.get(server);
    if (target === undefined) this.#targets.set(server, (target = targetOf(server, pools)));
    target.breaker.requireClosed(performance.now());
    this.#makeRoom(server, apiKeyId);
    const connection = new SseConnection({ server, target, apiKeyId, isAmbient, limits: this.#limits, log, onEnd: (ended) => this.#forget(ended) });
    this.#all.add(connection);
    void tellBreaker(target, connection);
    return connection;
  }

  /** An idle connection of the same key gives way, the one that was used longest ago; those of other keys never do. */
  #makeRoom(server: GovernedServer, apiKeyId: string): void {
    const ofServer = [...this.#all].filter((connection) => connection.server.config.id === server.config.id);
    const limit = this.#limits.connectionsPerServerMax;
    if (ofServer.length < limit) return;
    const idle = ofServer.find((connection) => connection.apiKeyId === apiKeyId && connection.isIdle);
    if (idle === undefined) throw new Refusal('overloaded', 'concurrent_requests', `server ${server.config.slug} has as many connections as it may`, { limit });
    idle.end(unknownSession());
  }

  #use(connection: SseConnection): SseConnection {
    this.#all.delete(connection);
    this.#all.add(connection);
    return connection;
  }

  #forget(connection: SseConnection): void {
    this.#all.delete(connection);
    this.#sessions.delete(connection.id);
    const key = keyOf(connection.server, connection.apiKeyId);
    if (this.#ambient.get(key) === connection) this.#ambient.delete(key);
  }
}

/** A server that does not let itself be connected to is left alone for a while; what it then does with messages is between it and one caller. */
async function tellBreaker({ breaker }: UpstreamTarget, { opened }: SseConnection): Promise<void> {
  try {
    await opened;
    breaker.succeeded(performance.now());
  } catch (error) {
    const refusal = asRefusal(error);
    if (refusal.code === 'upstream_error' || refusal.code === 'upstream_timeout') breaker.failed(refusal, performance.now());
    else breaker.abandoned();
  }
}

function keyOf(server: GovernedServer, apiKeyId: string): string {
  return `${server.config.id} ${apiKeyId}`;
}

/** Whether a server is still reached at the same place in the same way; its rules may have changed. */
function isSameReach(left: GovernedServer, right: GovernedServer): boolean {
  if (left === right) return true;
  return (
    left.config.endpointUrl === right.config.endpointUrl &&
    left.config.isPublic === right.config.isPublic &&
    left.holder === right.holder &&
    (left.holder !== undefined || JSON.stringify(left.upstreamAuthHeaders) === JSON.stringify(right.upstreamAuthHeaders))
  );
}

function unknownSession(): Refusal {
  return new Refusal('mcp_not_found', 'unknown_session', 'there is no such session; start over with initialize');
}

function changed(server: GovernedServer): Refusal {
  return new Refusal('upstream_error', 'connection_lost', `the configuration of '${server.config.slug}' has changed`);
}

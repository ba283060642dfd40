/** Session ids of our own: the upstream's id, signed together with the key and the server it belongs to. */
import { timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { KeyedHash } from '../../shared/keyed-hash.ts';
import type { ClientInfo } from './client-info.ts';

export const SESSION_HEADER = 'mcp-session-id';

/** Who may present the id, and where. */
export interface SessionOwner {
  readonly apiKeyId: string;
  readonly serverId: string;
}

export interface Session {
  readonly upstreamSessionId: string;
  readonly clientName: string | null;
  readonly clientVersion: string | null;
  /** How the client introduced itself (`mcp/introduction.ts`); null where that could not be kept. */
  readonly introduction: string | null;
  /** A short name for records; the id itself opens the session and is never recorded. */
  readonly label: string;
}

const payloadSchema = z.tuple([z.string(), z.string(), z.string(), z.string().nullable(), z.string().nullable(), z.string().nullable()]);
const ID_LENGTH_MAX = 4096;
const MAC_LENGTH = 43;
const LABEL_LENGTH = 16;

/**
 * Any node can read an id that another one minted, since all share the key, and nothing is stored. An id is no
 * authentication: it is read only after the key has been authenticated (MCP 2025-11-25, Security best practices, session hijacking).
 */
export class SessionIds {
  readonly #hash: KeyedHash;

  constructor(key: Buffer) {
    this.#hash = new KeyedHash(key, ID_LENGTH_MAX);
  }

  mint(owner: SessionOwner, upstreamSessionId: string, client: ClientInfo, introduction: string | null): string {
    const payload = JSON.stringify([upstreamSessionId, owner.apiKeyId, owner.serverId, client.name, client.version, introduction]);
    const body = Buffer.from(payload).toString('base64url');
    return `${body}.${this.#hash.of(body)}`;
  }

  /** Undefined for an id that we did not mint, or minted for another key or server. */
  read(id: string, owner: SessionOwner): Session | undefined {
    const body = id.slice(0, -MAC_LENGTH - 1);
    const mac = id.slice(-MAC_LENGTH);
    if (id.length > ID_LENGTH_MAX || id.at(-MAC_LENGTH - 1) !== '.' || !isSame(mac, this.#hash.of(body))) return undefined;
    const payload = payloadSchema.safeParse(JSON.parse(Buffer.from(body, 'base64url').toString('utf8')));
    // Another version of ours signed something else: its client starts over.
    if (!payload.success) return undefined;
    const [upstreamSessionId, apiKeyId, serverId, clientName, clientVersion, introduction] = payload.data;
    if (apiKeyId !== owner.apiKeyId || serverId !== owner.serverId) return undefined;
    return { upstreamSessionId, clientName, clientVersion, introduction, label: mac.slice(0, LABEL_LENGTH) };
  }
}

function isSame(left: string, right: string): boolean {
  return left.length === right.length && timingSafeEqual(Buffer.from(left, 'latin1'), Buffer.from(right, 'latin1'));
}

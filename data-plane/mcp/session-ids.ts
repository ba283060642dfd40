/** Session ids of our own: the upstream's id, signed together with the key and the server it belongs to. */
import { z } from 'zod';
import { KeyedHashes } from '../../shared/keyed-hash.ts';
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

/** The server's id, key, server, what the client is called, its version and introduction, and the URL of the node where the session lives, if it lives on one. */
const payloadSchema = z.tuple([z.string(), z.string(), z.string(), z.string().nullable(), z.string().nullable(), z.string().nullable(), z.string().optional()]);
/** What an id of a session that lives on one node begins with, and no other. */
const NODE_PREFIX = '~';
/** More than the longest parts of one have together, in JSON and base64: an `initialize` must not fail because of what its client is called. */
const ID_LENGTH_MAX = 8192;
const MAC_LENGTH = 43;
const LABEL_LENGTH = 16;

/**
 * Any node can read an id that another one minted, since all share the key, and nothing is stored. An id is no
 * authentication: it is read only after the key has been authenticated (MCP 2025-11-25, Security best practices, session hijacking).
 */
export class SessionIds {
  readonly #hash: KeyedHashes;
  readonly #nodeUrl: string | undefined;

  /** `nodeUrl` is how other nodes reach this one; without it, sessions that live here are found nowhere else. */
  constructor(keys: Buffer | readonly [Buffer, ...Buffer[]], nodeUrl?: string) {
    this.#hash = new KeyedHashes(keys, ID_LENGTH_MAX);
    this.#nodeUrl = nodeUrl;
  }

  mint(owner: SessionOwner, upstreamSessionId: string, client: ClientInfo, introduction: string | null): string {
    return this.#sign(payloadOf(owner, upstreamSessionId, client, introduction));
  }

  /** The id of a session that lives in a process or a connection of this node. */
  mintHere(owner: SessionOwner, upstreamSessionId: string, client: ClientInfo, introduction: string | null): string {
    const payload = payloadOf(owner, upstreamSessionId, client, introduction);
    return this.#nodeUrl === undefined ? this.#sign(payload) : this.#sign([...payload, this.#nodeUrl], NODE_PREFIX);
  }

  /** The URL of the node where the session lives; undefined where it lives on none, and for an id that we did not mint. */
  nodeOf(id: string): string | undefined {
    return id.startsWith(NODE_PREFIX) ? this.#payloadIn(id)?.[6] : undefined;
  }

  /** Undefined for an id that we did not mint, or minted for another key or server. */
  read(id: string, owner: SessionOwner): Session | undefined {
    const payload = this.#payloadIn(id);
    if (payload === undefined) return undefined;
    const [upstreamSessionId, apiKeyId, serverId, clientName, clientVersion, introduction] = payload;
    if (apiKeyId !== owner.apiKeyId || serverId !== owner.serverId) return undefined;
    return { upstreamSessionId, clientName, clientVersion, introduction, label: id.slice(-MAC_LENGTH).slice(0, LABEL_LENGTH) };
  }

  #sign(payload: readonly unknown[], prefix = ''): string {
    const signed = prefix + Buffer.from(JSON.stringify(payload)).toString('base64url');
    return `${signed}.${this.#hash.of(signed)}`;
  }

  /** Undefined for what we did not sign. */
  #payloadIn(id: string): z.infer<typeof payloadSchema> | undefined {
    const signed = id.slice(0, -MAC_LENGTH - 1);
    if (id.length > ID_LENGTH_MAX || id.at(-MAC_LENGTH - 1) !== '.' || !this.#hash.matches(signed, id.slice(-MAC_LENGTH))) return undefined;
    const body = signed.startsWith(NODE_PREFIX) ? signed.slice(NODE_PREFIX.length) : signed;
    // Another version of ours signed something else: its client starts over.
    return payloadSchema.safeParse(JSON.parse(Buffer.from(body, 'base64url').toString('utf8'))).data;
  }
}

function payloadOf({ apiKeyId, serverId }: SessionOwner, upstreamSessionId: string, client: ClientInfo, introduction: string | null): unknown[] {
  return [upstreamSessionId, apiKeyId, serverId, client.name, client.version, introduction];
}

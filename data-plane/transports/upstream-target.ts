/** Where the messages of a server go: its pool, path and constant headers, made ready once per configuration. */
import type { Pool } from 'undici';
import { Refusal } from '../../shared/refusal.ts';
import type { GovernedServer } from '../config/governed-server.ts';
import { UpstreamBreaker } from './upstream-breaker.ts';
import type { UpstreamPools } from './upstream-pools.ts';

export interface UpstreamTarget {
  readonly pool: Pool;
  readonly streamPool: Pool;
  readonly breaker: UpstreamBreaker;
  /** Path and query of the endpoint itself. */
  readonly path: string;
  readonly url: URL;
  /** Flat headers of a POST: both media types are always offered, since servers answer 406 to less. */
  readonly messageHeaders: readonly string[];
  /** Flat headers of a GET or DELETE. */
  readonly streamHeaders: readonly string[];
}

/** Throws when the server has no endpoint or may not have the one it has. */
export function targetOf(server: GovernedServer, pools: UpstreamPools): UpstreamTarget {
  const { endpointUrl, isPublic, slug } = server.config;
  if (endpointUrl === null) throw new Refusal('missing_endpoint', 'missing_endpoint', `the MCP server '${slug}' has no endpoint`);
  const url = new URL(endpointUrl);
  const terms = { origin: url.origin, isPublic, connectTimeoutMillis: server.limits.connectTimeoutMillis };
  pools.refuseLiteral(url, isPublic);
  // Whatever has led here: nothing is sent without the credentials that belong to it.
  if (server.needsCredentials === true) throw new Refusal('upstream_auth_error', 'credentials_unavailable', `there are no credentials for '${slug}' here`);
  const target = {
    pool: pools.poolOf(terms),
    streamPool: pools.streamPoolOf(terms),
    breaker: new UpstreamBreaker(slug),
    path: url.pathname + url.search,
    url,
  };
  const constant = ['accept-encoding', 'identity', 'user-agent', 'turnpike'];
  const ofMessages = ['content-type', 'application/json', 'accept', 'application/json, text/event-stream', ...constant];
  const ofStreams = ['accept', 'text/event-stream', ...constant];
  const { upstreamAuthHeaders } = server;
  if (server.holder === undefined)
    return { ...target, messageHeaders: [...ofMessages, ...upstreamAuthHeaders], streamHeaders: [...ofStreams, ...upstreamAuthHeaders] };
  return {
    ...target,
    // Tokens are renewed while connections stand: whatever is sent takes the newest.
    get messageHeaders() {
      return [...ofMessages, ...server.upstreamAuthHeaders];
    },
    get streamHeaders() {
      return [...ofStreams, ...server.upstreamAuthHeaders];
    },
  };
}

/** Path and query of what lies below the endpoint: the tail goes between them, and can only lead further down. */
export function pathOf({ path, url }: UpstreamTarget, tailPath: string): string {
  return tailPath === '' ? path : url.pathname.replace(/\/$/, '') + tailPath + url.search;
}

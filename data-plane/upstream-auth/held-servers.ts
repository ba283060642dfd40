/** Servers as they are called with the credentials of one holder: the same object as long as both are the same, since whatever is pooled hangs on it. */
import type { GovernedServer } from '../config/governed-server.ts';

/** What calls of a server are authorised with. */
export interface Holding {
  readonly holder: string;
  /** Asked whenever something is sent. */
  headers(): readonly string[];
}

/** Of one server; those that were not used for the longest time give way. */
const HOLDERS_MAX = 4096;

export class HeldServers {
  readonly #held = new WeakMap<GovernedServer, Map<string, GovernedServer>>();

  of(server: GovernedServer, holding: Holding): GovernedServer {
    const ofServer = this.#held.get(server) ?? new Map<string, GovernedServer>();
    const held = ofServer.get(holding.holder) ?? withHolding(server, holding);
    // Set anew, so that the order is that of use.
    ofServer.delete(holding.holder);
    this.#held.set(server, ofServer.set(holding.holder, held));
    const [oldest] = ofServer.keys();
    if (ofServer.size > HOLDERS_MAX && oldest !== undefined) ofServer.delete(oldest);
    return held;
  }
}

/** A server whose rules have changed, with the credentials that it was called with before; as it is where it is signed in to in another way now. */
export function withCredentialsOf(before: GovernedServer, now: GovernedServer): GovernedServer {
  const { holder } = before;
  if (holder === undefined || JSON.stringify(before.config.auth) !== JSON.stringify(now.config.auth)) return now;
  return withHolding(now, { holder, headers: () => before.upstreamAuthHeaders });
}

/** What is pooled for one key, or for one credential that calls with it, never serves another. */
export function poolingId(apiKeyId: string, { holder }: GovernedServer): string {
  return holder === undefined ? apiKeyId : `${apiKeyId} ${holder}`;
}

function withHolding(server: GovernedServer, { holder, headers }: Holding): GovernedServer {
  return {
    ...server,
    needsCredentials: false,
    holder,
    get upstreamAuthHeaders() {
      return headers();
    },
  };
}

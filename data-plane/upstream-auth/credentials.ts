/** Finds the credentials of a call to a server that is signed in to in the name of whoever calls, or with tokens that are renewed. */
import { hash } from 'node:crypto';
import { Refusal } from '../../shared/refusal.ts';
import type { RefusalReason } from '../../shared/refusals.ts';
import type { Clock } from '../../shared/clock.ts';
import type { GovernedServer } from '../config/governed-server.ts';
import type { Access } from '../evidence.ts';
import type { Exchange } from '../exchange.ts';
import { HeldServers } from './held-servers.ts';
import type { ReadyToken } from './ready-token.ts';
import type { TokenRenewals } from './token-renewals.ts';

/** What a caller of a server with passthrough sends along, for that server alone; it says nothing of who the caller is. */
export const PASSTHROUGH_HEADER = 'x-upstream-authorization';
const PASSTHROUGH_VALUE = /^[\x21-\x7e](?:[\x20-\x7e]{0,16382}[\x21-\x7e])?$/;

interface TokenHolder {
  readonly serverId: string;
  readonly userId: string | null;
}

export class Credentials {
  readonly #renewals: TokenRenewals;
  readonly #clock: Clock;
  readonly #held = new HeldServers();
  readonly #holders = new WeakMap<GovernedServer, TokenHolder>();

  constructor(renewals: TokenRenewals, clock: Clock) {
    this.#renewals = renewals;
    this.#clock = clock;
  }

  /** The server as it is called for this caller. Rejects with `upstream_auth_error` when there are no credentials: then nothing is sent. */
  async authorise({ server, key }: Pick<Access, 'server' | 'key'>, exchange: Pick<Exchange, 'header'>): Promise<GovernedServer> {
    const { auth, id: serverId, slug } = server.config;
    if (auth.type === 'OAUTH2_PASSTHROUGH') return this.#passThrough(server, exchange.header(PASSTHROUGH_HEADER));
    if (auth.type !== 'OAUTH2') return server;
    const isPersonal = auth.mode === 'AUTHORIZATION_CODE_USER';
    if (isPersonal && key.userId === null) throw unavailable('user_key_required', `'${slug}' is called as the user whose key it is, and this key is of none`);
    const holder = { serverId, userId: isPersonal ? key.userId : null };
    return this.#withToken(server, holder, await this.#freshToken(server, holder));
  }

  /** Whether a token of this server that is refused can be got anew. */
  isRenewable(server: GovernedServer): boolean {
    return this.#holders.has(server);
  }

  /** The name of the token that a call would be sent with now. */
  nameOf(server: GovernedServer): string | null {
    const holder = this.#holders.get(server);
    return (holder === undefined ? undefined : this.#renewals.newest(holder))?.name ?? null;
  }

  /** Whether there is another token than the one of that name, which the server has refused. */
  async renew(server: GovernedServer, refused: string | null): Promise<boolean> {
    const holder = this.#holders.get(server);
    if (holder === undefined) return false;
    const newest = this.#renewals.newest(holder);
    // A call beside this one, or the control plane by itself, may have been faster.
    if (newest !== undefined && newest.name !== refused) return newest.connectionId === server.holder;
    const renewal = await this.#renewals.renew({ ...holder, token: refused });
    return renewal.kind === 'renewed' && renewal.token.connectionId === server.holder;
  }

  async #freshToken({ config: { slug } }: GovernedServer, holder: TokenHolder): Promise<ReadyToken> {
    const known = this.#renewals.newest(holder);
    if (known !== undefined && known.expiresAtMillis > this.#clock.now()) return known;
    const renewal = await this.#renewals.renew({ ...holder, token: known?.name ?? null });
    if (renewal.kind === 'renewed') return renewal.token;
    const who = holder.userId === null ? 'somebody must sign in' : 'the user of this key must sign in';
    if (renewal.state === 'NEEDS_SIGN_IN') throw unavailable('sign_in_required', `${who} to '${slug}' first, in the control plane (startServerOAuth)`);
    if (renewal.state === 'SIGN_IN_EXPIRED') throw unavailable('sign_in_expired', `${who} to '${slug}' anew, in the control plane (startServerOAuth)`);
    throw unavailable('credentials_unavailable', `no access token for '${slug}' could be had`);
  }

  #withToken(server: GovernedServer, holder: TokenHolder, { connectionId, headers }: ReadyToken): GovernedServer {
    let last = headers;
    const held = this.#held.of(server, {
      holder: connectionId,
      headers: () => {
        const newest = this.#renewals.newest(holder);
        // Of a connection that was taken away, what is under way ends with what it began with.
        return newest?.connectionId === connectionId ? (last = newest.headers) : last;
      },
    });
    this.#holders.set(held, holder);
    return held;
  }

  #passThrough(server: GovernedServer, value: string | undefined): GovernedServer {
    const { slug } = server.config;
    if (value === undefined) throw unavailable('credentials_missing', `'${slug}' wants the caller's own credentials, in the header X-Upstream-Authorization`);
    if (!PASSTHROUGH_VALUE.test(value)) throw unavailable('credentials_malformed', 'X-Upstream-Authorization holds something that is no credentials');
    const headers = ['authorization', value];
    return this.#held.of(server, { holder: hash('sha256', value, 'base64url'), headers: () => headers });
  }
}

function unavailable(reason: RefusalReason<'upstream_auth_error'>, detail: string): Refusal {
  return new Refusal('upstream_auth_error', reason, detail);
}

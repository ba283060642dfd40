/** Keeps tokens fresh: gets the next one before the last expires, and at once when a data plane says that a server refuses it. */
import { setTimeout as wait } from 'node:timers/promises';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import { newId } from '../../shared/ids.ts';
import type { SecretSealer } from '../../shared/sealed-secret.ts';
import { audit } from '../audit/audit.ts';
import { inTransaction } from '../database/in-transaction.ts';
import { insideOrganisation } from '../database/tenant-filter.ts';
import { FOR_CHANGE } from '../database/version-check.ts';
import { McpServerEntity } from '../mcp-servers/mcp-server.entity.ts';
import { claimDue, claimOne, type Claimed } from './token-claims.ts';
import { TokenRefused, type FetchedToken, type TokenEndpoint } from './token-endpoint.ts';
import { fetchToken } from './token-source.ts';
import { storeRefusal, storeToken } from './token-store.ts';
import { UpstreamConnectionEntity, type UpstreamConnection } from './upstream-connection.entity.ts';

export interface TokenKeeperParts {
  /** Sees the connections of all organisations. */
  readonly em: EntityManager;
  readonly sealer: SecretSealer;
  readonly endpoint: TokenEndpoint;
  readonly log: Logger;
}

/** What became of the tokens that this replica asked for, since its start. */
export interface RefreshCounts {
  success: number;
  refused: number;
}

const TICK_MILLIS = 1000;
const WORKERS_MAX = 8;
/** While another replica gets the token, this one looks whether it has come. */
const LOOK_MILLIS = 100;
const LOOKS_MAX = 100;

export class TokenKeeper {
  readonly #parts: TokenKeeperParts;
  readonly #timer: NodeJS.Timeout;
  readonly #counts: RefreshCounts = { success: 0, refused: 0 };
  readonly #underWay = new Set<Promise<void>>();
  #working: Promise<void> | undefined;
  #isClosed = false;

  constructor(parts: TokenKeeperParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => void this.runDue(), TICK_MILLIS);
  }

  get counts(): Readonly<RefreshCounts> {
    return this.#counts;
  }

  /** Resolves when nothing is due any more. Never rejects: what failed is logged, and due again in its turn. */
  runDue(): Promise<void> {
    this.#working ??= Promise.all(Array.from({ length: WORKERS_MAX }, () => this.#work()))
      .then(() => undefined)
      .catch((error: unknown) => this.#parts.log.warn({ err: error }, 'tokens could not be refreshed'))
      .finally(() => (this.#working = undefined));
    return this.#working;
  }

  /** Gets a token now, or waits while another replica gets one. Answers the connection as it is then; null when it is gone. */
  async refreshNow({ id, organisationId }: Pick<UpstreamConnection, 'id' | 'organisationId'>): Promise<UpstreamConnection | null> {
    const claimed = await claimOne(this.#parts.em, id);
    if (claimed !== undefined) await this.#refresh(claimed);
    const em = insideOrganisation(this.#parts.em, organisationId);
    for (let looks = 0; looks < LOOKS_MAX; looks++) {
      const connection = await em.fork().findOne(UpstreamConnectionEntity, { id });
      if (connection?.claim == null) return connection;
      await wait(LOOK_MILLIS);
    }
    return em.fork().findOne(UpstreamConnectionEntity, { id });
  }

  /** Ends after what is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    await this.#working;
    await Promise.all(this.#underWay);
  }

  async #work(): Promise<void> {
    while (!this.#isClosed) {
      const claimed = await claimDue(this.#parts.em);
      if (claimed === undefined) return;
      await this.#refresh(claimed);
    }
  }

  #refresh(claimed: Claimed): Promise<void> {
    const refreshing = this.#getToken(claimed).finally(() => this.#underWay.delete(refreshing));
    this.#underWay.add(refreshing);
    return refreshing;
  }

  async #getToken(claimed: Claimed): Promise<void> {
    const { em: everything, log } = this.#parts;
    const em = insideOrganisation(everything, claimed.organisationId);
    const connection = await em.fork().findOne(UpstreamConnectionEntity, { id: claimed.id });
    const server = connection === null ? null : await em.fork().findOne(McpServerEntity, { id: connection.mcpServerId });
    if (connection === null || server === null) return;
    const askedAtMillis = Date.now();
    const outcome = await fetchToken(this.#parts, server, connection).catch((error: unknown) => {
      if (error instanceof TokenRefused) return error;
      throw error;
    });
    if (outcome instanceof TokenRefused) {
      this.#counts.refused++;
      log.warn({ serverId: server.id, connectionId: connection.id, reason: outcome.message }, 'no token could be had');
    } else this.#counts.success++;
    await this.#keep(em, claimed, { outcome, askedAtMillis, label: server.slug });
  }

  /** Whoever lost the claim meanwhile, or whose connection was taken away, keeps nothing. */
  #keep(
    em: EntityManager,
    claimed: Claimed,
    { outcome, askedAtMillis, label }: { outcome: FetchedToken | TokenRefused; askedAtMillis: number; label: string },
  ): Promise<void> {
    return inTransaction(em, { dryRun: false }, async (inside) => {
      const connection = await inside.findOne(UpstreamConnectionEntity, { id: claimed.id, claim: claimed.claim }, FOR_CHANGE);
      if (connection === null) return;
      if (!(outcome instanceof TokenRefused)) return storeToken(inside, this.#parts.sealer, connection, { token: outcome, askedAtMillis });
      await storeRefusal(inside, connection, outcome);
      if (connection.state !== 'SIGN_IN_EXPIRED') return;
      const actor = {
        requestId: newId('request'),
        claim: undefined,
        caller: { organisationId: claimed.organisationId, actor: { kind: 'SCHEDULE', id: connection.id } },
      } as const;
      const { id: connectionId, userId, error } = connection;
      audit(inside, actor, {
        action: 'expireServerOAuth',
        targetId: connection.mcpServerId,
        targetLabel: label,
        before: null,
        after: { connectionId, userId: userId ?? null, error },
      });
    });
  }
}

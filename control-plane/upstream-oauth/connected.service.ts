/** What comes of sign-ins: a connection when the browser is back, and none any more when somebody takes it away. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import { newId } from '../../shared/ids.ts';
import type { SecretSealer } from '../../shared/sealed-secret.ts';
import { accessTokenPlace } from '../../shared/upstream-token.ts';
import type { Caller } from '../access/caller.ts';
import { audit, type AuditedRequest } from '../audit/audit.ts';
import { appendConfigChanges } from '../config-feed/change-log.ts';
import { inTransaction } from '../database/in-transaction.ts';
import { insideOrganisation } from '../database/tenant-filter.ts';
import { FOR_CHANGE } from '../database/version-check.ts';
import { McpServerEntity, type McpServer } from '../mcp-servers/mcp-server.entity.ts';
import type { AdminContext } from '../request-context.ts';
import type { OauthFlow } from './oauth-flow.entity.ts';
import { digestOfAuth, findSignedIn, ownerOf, takeFlow, verifierPlace } from './sign-ins.service.ts';
import { TokenRefused, type TokenEndpoint } from './token-endpoint.ts';
import { openRegistration } from './token-source.ts';
import { noteNoSignIn } from './sign-in-health.ts';
import { refreshTokenPlace, storeToken } from './token-store.ts';
import { removalOfUpstreamToken } from './upstream-connection.document.ts';
import { UpstreamConnectionEntity, type UpstreamConnection } from './upstream-connection.entity.ts';

export interface ConnectedParts {
  /** Sees all organisations: whose a sign-in is, its state tells. */
  readonly em: EntityManager;
  readonly sealer: SecretSealer;
  readonly endpoint: TokenEndpoint;
  readonly log: Logger;
}

/** Why a sign-in did not come to its end, for the person in front of the browser. */
export class SignInFailed extends Error {
  override readonly name = 'SignInFailed';
  readonly status: 400 | 403;

  constructor(status: 400 | 403, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

export class ConnectedService {
  readonly #parts: ConnectedParts;

  constructor(parts: ConnectedParts) {
    this.#parts = parts;
  }

  /** `query` is what the browser has brought. Answers the server that is connected now; throws a `SignInFailed`. */
  async finish(caller: Caller, requestId: string, query: URLSearchParams): Promise<Pick<McpServer, 'name'>> {
    const { em: everything, sealer, endpoint, log } = this.#parts;
    const state = query.get('state') ?? '';
    const flow = await takeFlow(everything, state);
    if (flow === undefined) throw new SignInFailed(400, 'This sign-in took too long, or came back before: begin it anew.');
    if (flow.sessionId != null && !isOfSession(caller, flow.sessionId))
      throw new SignInFailed(403, 'This sign-in was begun in another browser: begin it anew in this one.');
    const em = insideOrganisation(everything, flow.organisationId);
    const server = await em.fork().findOne(McpServerEntity, { id: flow.mcpServerId });
    if (server === null || digestOfAuth(server.auth) !== flow.authDigest) throw changedMeanwhile();
    const url = new URL(flow.redirectUri);
    url.search = query.toString();
    const verifier = sealer.open(flow.verifier, verifierPlace(flow));
    const askedAtMillis = Date.now();
    const { namesIssuer, ...registration } = flow.registration;
    const token = await endpoint.exchange(openRegistration(sealer, server, registration), { url, state, verifier, namesIssuer }).catch((error: unknown) => {
      if (!(error instanceof TokenRefused)) throw error;
      log.warn({ serverId: server.id, reason: error.message, requestId }, 'a sign-in at an authorisation server failed');
      throw new SignInFailed(403, `The sign-in failed: ${error.message}. Begin it anew.`, { cause: error });
    });
    await inTransaction(em, { dryRun: false }, async (inside) => {
      const locked = await inside.findOne(McpServerEntity, { id: server.id }, FOR_CHANGE);
      if (locked === null || digestOfAuth(locked.auth) !== flow.authDigest) throw changedMeanwhile();
      await takeAway(inside, flow);
      const connection = newConnection(inside, flow, token.subject);
      await storeToken(inside, sealer, connection, { token, askedAtMillis });
      audit(inside, actorOf(flow, requestId), {
        action: 'connectServerOAuth',
        targetId: server.id,
        targetLabel: server.slug,
        before: null,
        after: shown(connection),
      });
    });
    return server;
  }

  /** Answers the server. Whether there was a connection makes no difference. */
  async disconnect(context: AdminContext, serverId: string): Promise<McpServer> {
    const server = await findSignedIn(context, serverId);
    const userId = ownerOf(context, server.auth);
    const old = await inTransaction(context.em, { dryRun: false }, async (em) => {
      const connection = await takeAway(em, { mcpServerId: server.id, userId });
      if (connection === null) return null;
      audit(em, context, { action: 'disconnectServerOAuth', targetId: server.id, targetLabel: server.slug, before: shown(connection), after: null });
      if (connection.userId == null) await noteNoSignIn(em, server.id, server.auth);
      return connection;
    });
    if (old !== null) await this.#revoke(server, old);
    return server;
  }

  /** Nothing is called with them any more; that the authorisation server hears of it is a courtesy to it. */
  async #revoke(server: McpServer, connection: UpstreamConnection): Promise<void> {
    const { sealer, endpoint, log } = this.#parts;
    const { registration, refreshToken, accessToken } = connection;
    if (registration == null) return;
    const open = openRegistration(sealer, server, registration);
    try {
      if (refreshToken != null) await endpoint.revoke(open, sealer.open(refreshToken, refreshTokenPlace(connection)));
      if (accessToken != null) await endpoint.revoke(open, sealer.open(accessToken, accessTokenPlace(connection)));
    } catch (error) {
      log.warn(
        { serverId: server.id, reason: error instanceof Error ? error.name : 'unknown' },
        'an authorisation server did not hear that tokens are not needed any more',
      );
    }
  }
}

/** The connection as it was; null when there was none. */
async function takeAway(em: EntityManager, { mcpServerId, userId }: Pick<OauthFlow, 'mcpServerId' | 'userId'>): Promise<UpstreamConnection | null> {
  const old = await em.findOne(UpstreamConnectionEntity, { mcpServerId, userId: userId ?? null }, FOR_CHANGE);
  if (old === null) return null;
  em.remove(old);
  await appendConfigChanges(em, [removalOfUpstreamToken(old)]);
  return old;
}

function newConnection(em: EntityManager, flow: OauthFlow, subject: string | null): UpstreamConnection {
  const { namesIssuer: _checked, ...registration } = flow.registration;
  return em.create(UpstreamConnectionEntity, {
    id: newId('upstreamConnection'),
    organisationId: flow.organisationId,
    mcpServerId: flow.mcpServerId,
    userId: flow.userId ?? null,
    state: 'CONNECTED',
    registration,
    subject,
    scopes: registration.scope?.split(' ') ?? [],
    connectedBy: flow.actorId,
  });
}

function isOfSession(caller: Caller, sessionId: string): boolean {
  return caller.kind === 'admin' && caller.actor.kind === 'USER' && caller.actor.sessionId === sessionId;
}

function actorOf({ actorKind, actorId, organisationId }: OauthFlow, requestId: string): AuditedRequest {
  return { requestId, claim: undefined, caller: { organisationId, actor: { kind: actorKind, id: actorId } } };
}

function shown({ id, userId, registration, subject, scopes }: UpstreamConnection): Record<string, unknown> {
  return { connectionId: id, userId: userId ?? null, issuer: registration?.issuer ?? null, subject, scopes };
}

function changedMeanwhile(): SignInFailed {
  return new SignInFailed(400, 'How this server is signed in to was changed meanwhile: begin anew.');
}

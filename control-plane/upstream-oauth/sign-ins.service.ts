/** Sign-ins at the authorisation servers of MCP servers: begun by an administrator or for oneself, finished by the browser that comes back. */
import { createHash } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import * as oidc from 'openid-client';
import type { AddressRules } from '../../shared/address-rules.ts';
import { canonicalJson } from '../../shared/canonical-json.ts';
import { newId } from '../../shared/ids.ts';
import type { SecretPlace, SecretSealer } from '../../shared/sealed-secret.ts';
import { audit } from '../audit/audit.ts';
import { notFound, refuseInput } from '../graphql/input-refused.ts';
import { inTransaction } from '../database/in-transaction.ts';
import { ACROSS_TENANTS } from '../database/tenant-filter.ts';
import { McpServerEntity, type McpServer } from '../mcp-servers/mcp-server.entity.ts';
import type { OAuth2Auth, StoredAuth } from '../mcp-servers/stored-auth.ts';
import { asUser, requirePermission, type AdminContext } from '../request-context.ts';
import { identityFor } from './client-registration.ts';
import { discoverOauth, type DiscoveredOauth } from './oauth-discovery.ts';
import { withOauthFetch } from './oauth-fetch.ts';
import { OauthFlowEntity, type FlowRegistration, type OauthFlow } from './oauth-flow.entity.ts';
import type { TokenEndpoint } from './token-endpoint.ts';

export interface SignInParts {
  readonly sealer: SecretSealer;
  readonly rules: AddressRules;
  readonly endpoint: TokenEndpoint;
  /** Where browsers come back to; known once the plane listens. */
  readonly redirectUri: () => string;
}

export interface BegunSignIn {
  readonly authorizeUrl: string;
  readonly expiresAt: Date;
}

type SignedInServer = McpServer & { readonly auth: OAuth2Auth };

const FLOW_MILLIS = 10 * 60_000;
const OFFLINE = 'offline_access';

export class SignInsService {
  readonly #parts: SignInParts;

  constructor(parts: SignInParts) {
    this.#parts = parts;
  }

  /** Asks the authorisation server for nothing yet but what it says to everybody. */
  async start(context: AdminContext, serverId: string): Promise<BegunSignIn> {
    const server = await findSignedIn(context, serverId);
    const userId = ownerOf(context, server.auth);
    const { sealer, rules, endpoint } = this.#parts;
    const redirectUri = this.#parts.redirectUri();
    const { discovered, identity } = await withOauthFetch({ rules, isPublic: server.isPublic }, async (fetch) => {
      const found = await discoverOauth(new URL(server.endpointUrl ?? ''), fetch);
      return { discovered: found, identity: await identityFor(found, { em: context.em, sealer, server, auth: server.auth, redirectUri, endpoint, fetch }) };
    });
    const registration = registrationOf(discovered, server.auth, identity);
    const { state, verifier, url } = await leave(discovered, registration, redirectUri);
    const expiresAt = new Date(Date.now() + FLOW_MILLIS);
    const { actor, organisationId } = context.caller;
    const id = newId('oauthFlow');
    await inTransaction(context.em, { dryRun: false }, async (em) => {
      await em.nativeDelete(OauthFlowEntity, { expiresAt: { $lt: new Date() } });
      em.create(OauthFlowEntity, {
        id,
        organisationId,
        mcpServerId: server.id,
        userId,
        authDigest: digestOfAuth(server.auth),
        stateHash: hashOfState(state),
        actorKind: actor.kind,
        actorId: actor.id,
        sessionId: actor.kind === 'USER' ? actor.sessionId : null,
        verifier: sealer.seal(verifier, verifierPlace({ id, organisationId })),
        redirectUri,
        registration,
        expiresAt,
      });
      await em.flush();
      const after = { issuer: registration.issuer, clientId: registration.clientId, scope: registration.scope, resource: registration.resource };
      audit(em, context, { action: 'startServerOAuth', targetId: server.id, targetLabel: server.slug, before: null, after });
    });
    return { authorizeUrl: url.href, expiresAt };
  }
}

/** The server, if whoever asks may sign in to it: for the organisation with a permission, and everybody for himself. */
export async function findSignedIn(context: AdminContext, serverId: string): Promise<SignedInServer> {
  const server = await context.em.fork().findOne(McpServerEntity, { id: serverId });
  if (server === null) throw notFound('id', 'server');
  const { auth } = server;
  const isPersonal = auth.type === 'OAUTH2' && auth.mode === 'AUTHORIZATION_CODE_USER';
  if (!isPersonal) requirePermission(context, 'SERVER_UPDATE');
  if (auth.type !== 'OAUTH2' || auth.mode === 'CLIENT_CREDENTIALS')
    throw refuseInput(
      ['id'],
      'CONFLICT',
      'nobody signs in to this server',
      'setServerAuth with oauth2 and one of the modes AUTHORIZATION_CODE_ORG and AUTHORIZATION_CODE_USER',
    );
  return Object.assign(server, { auth });
}

/** Whose connection it is; null for that of the organisation. Where everybody has his own, a token is nobody. */
export function ownerOf(context: AdminContext, { mode }: OAuth2Auth): string | null {
  return mode === 'AUTHORIZATION_CODE_USER' ? asUser(context).caller.actor.id : null;
}

function hashOfState(state: string): string {
  return createHash('sha256').update(state).digest('base64url');
}

export function digestOfAuth(auth: StoredAuth): string {
  return createHash('sha256').update(canonicalJson(auth)).digest('base64url');
}

export function verifierPlace({ id, organisationId }: Pick<OauthFlow, 'id' | 'organisationId'>): SecretPlace {
  return { organisationId, ownerId: id, field: 'verifier' };
}

/** The flow of that state, which nobody finds again; undefined when there is none any more. `em` sees all organisations. */
export async function takeFlow(em: EntityManager, state: string): Promise<OauthFlow | undefined> {
  return inTransaction(em, { dryRun: false }, async (inside) => {
    const flow = await inside.findOne(OauthFlowEntity, { stateHash: hashOfState(state) }, ACROSS_TENANTS);
    if (flow === null) return undefined;
    // Of two who come at once, one takes it.
    const taken = await inside.nativeDelete(OauthFlowEntity, { id: flow.id }, ACROSS_TENANTS);
    return taken === 1 && flow.expiresAt.getTime() > Date.now() ? flow : undefined;
  });
}

function registrationOf(
  { server, resource, scope }: DiscoveredOauth,
  auth: OAuth2Auth,
  identity: Pick<FlowRegistration, 'clientId' | 'method' | 'clientSecret'>,
): FlowRegistration {
  const wanted = auth.scope ?? scope;
  const isOffline = server.scopes_supported?.includes(OFFLINE) === true && wanted?.split(' ').includes(OFFLINE) !== true;
  return {
    ...identity,
    issuer: server.issuer,
    tokenEndpoint: server.token_endpoint,
    revocationEndpoint: server.revocation_endpoint ?? null,
    // Without it some servers give nothing to renew the token with.
    scope: isOffline ? [wanted, OFFLINE].filter((word) => word !== null).join(' ') : wanted,
    resource: auth.resource ?? resource,
    audience: auth.audience,
    namesIssuer: server.authorization_response_iss_parameter_supported === true,
  };
}

async function leave(
  { server }: DiscoveredOauth,
  { clientId, scope, resource, audience }: FlowRegistration,
  redirectUri: string,
): Promise<{ state: string; verifier: string; url: URL }> {
  const [state, verifier] = [oidc.randomState(), oidc.randomPKCECodeVerifier()];
  const url = new URL(server.authorization_endpoint);
  const given = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    state,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    scope,
    resource,
    audience,
  };
  for (const [name, value] of Object.entries(given)) if (value !== null) url.searchParams.set(name, value);
  return { state, verifier, url };
}

/** What Turnpike is to an authorisation server: a client that was configured, one that describes itself, or one that registers itself. */
import { registerClient } from '@modelcontextprotocol/sdk/client/auth.js';
import type { OAuthClientInformationFull } from '@modelcontextprotocol/sdk/shared/auth.js';
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { EntityManager } from '@mikro-orm/postgresql';
import { newId } from '../../shared/ids.ts';
import type { SecretSealer } from '../../shared/sealed-secret.ts';
import { refuseInput } from '../graphql/input-refused.ts';
import type { McpServer } from '../mcp-servers/mcp-server.entity.ts';
import type { OAuth2Auth, StoredAuth } from '../mcp-servers/stored-auth.ts';
import { OauthClientEntity } from './oauth-client.entity.ts';
import type { AuthorisationServerMetadata, DiscoveredOauth } from './oauth-discovery.ts';
import { CLIENT_AUTH_METHODS, clientSecretPlace, type ClientAuthMethod, type OpenRegistration, type Registration } from './registration.ts';
import type { TokenEndpoint } from './token-endpoint.ts';

export type ClientIdentity = Pick<Registration, 'clientId' | 'method' | 'clientSecret'>;
type OpenIdentity = Pick<OpenRegistration, 'clientId' | 'method' | 'clientSecret'>;

export interface IdentityParts {
  readonly em: EntityManager;
  readonly sealer: SecretSealer;
  readonly server: McpServer;
  readonly auth: OAuth2Auth;
  readonly redirectUri: string;
  readonly endpoint: Pick<TokenEndpoint, 'knows'>;
  readonly fetch: FetchLike;
}

/** Where the control plane describes itself as a client, below its own address. */
export const CLIENT_METADATA_PATH = '/oauth/client-metadata.json';

export async function identityFor(discovered: DiscoveredOauth, parts: IdentityParts): Promise<ClientIdentity> {
  const { server: authority } = discovered;
  const { auth, redirectUri } = parts;
  if (auth.clientId !== null) {
    const method = auth.clientSecret === null ? 'none' : methodOf(authority);
    return { clientId: auth.clientId, method, clientSecret: auth.clientSecret };
  }
  const description = new URL(CLIENT_METADATA_PATH, redirectUri);
  // It is fetched by the authorisation server, which reaches no address of this machine's own.
  if (authority.client_id_metadata_document_supported === true && description.protocol === 'https:')
    return { clientId: description.href, method: 'none', clientSecret: null };
  if (authority.registration_endpoint !== undefined) return registered(discovered, parts);
  throw refuseInput(
    ['id'],
    'UPSTREAM_FAILED',
    'its authorisation server lets no client register itself',
    'register Turnpike there, and give its clientId with setServerAuth',
  );
}

/** Whether a client came about by registering itself, and was neither configured nor described. */
export function hasRegisteredItself(auth: StoredAuth, { clientId }: Pick<Registration, 'clientId'>): boolean {
  return auth.type === 'OAUTH2' && auth.clientId === null && URL.parse(clientId)?.pathname !== CLIENT_METADATA_PATH;
}

/** The document that a client id of ours leads to (OAuth Client ID Metadata Document). */
export function clientMetadata(redirectUri: string): Record<string, unknown> {
  return { client_id: new URL(CLIENT_METADATA_PATH, redirectUri).href, ...ownMetadata(redirectUri) };
}

function ownMetadata(redirectUri: string) {
  return {
    client_name: 'Turnpike',
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  };
}

/** Once for an organisation (RFC 7591), and anew when the server knows it no more; the secret is sealed for each server that uses it. */
async function registered(discovered: DiscoveredOauth, parts: IdentityParts): Promise<ClientIdentity> {
  const { em, sealer, server, redirectUri, fetch } = parts;
  const { organisationId } = server;
  const { issuer } = discovered.server;
  const known = await em.fork().findOne(OauthClientEntity, { issuer, redirectUri });
  const place = { organisationId, ownerId: known?.id ?? newId('oauthClient'), field: 'clientSecret' };
  if (known !== null) {
    const { clientId, method } = known;
    const clientSecret = known.clientSecret == null ? null : sealer.open(known.clientSecret, place);
    if (await isStillKnown(discovered, { clientId, method, clientSecret }, parts)) return identityOf({ clientId, method, clientSecret }, parts);
  }
  const made = await register(discovered, redirectUri, fetch);
  const clientSecret = made.client_secret ?? null;
  const asked = CLIENT_AUTH_METHODS.find((method) => method === made.token_endpoint_auth_method);
  const method = clientSecret === null ? 'none' : (asked ?? 'client_secret_basic');
  const row = { clientId: made.client_id, clientSecret: clientSecret === null ? null : sealer.seal(clientSecret, place), method };
  if (known === null) await em.fork().insert(OauthClientEntity, { id: place.ownerId, organisationId, issuer, redirectUri, ...row });
  else await em.fork().nativeUpdate(OauthClientEntity, { id: known.id }, row);
  return identityOf({ clientId: made.client_id, method, clientSecret }, parts);
}

/** Asked before anybody is sent there: whoever comes with a client that is forgotten is not sent back, so nobody here would hear of it. */
function isStillKnown({ server: authority }: DiscoveredOauth, client: OpenIdentity, { server, endpoint }: IdentityParts): Promise<boolean> {
  const { issuer, token_endpoint: tokenEndpoint } = authority;
  return endpoint.knows({ ...client, issuer, tokenEndpoint, revocationEndpoint: null, isPublic: server.isPublic });
}

function identityOf({ clientSecret, ...client }: OpenIdentity, { sealer, server }: IdentityParts): ClientIdentity {
  return { ...client, clientSecret: clientSecret === null ? null : sealer.seal(clientSecret, clientSecretPlace(server)) };
}

async function register({ server, document }: DiscoveredOauth, redirectUri: string, fetchFn: FetchLike): Promise<OAuthClientInformationFull> {
  try {
    return await registerClient(server.issuer, { metadata: document, clientMetadata: ownMetadata(redirectUri), fetchFn });
  } catch (error) {
    // What the server answered is not told: it may be anything.
    const refused = refuseInput(
      ['id'],
      'UPSTREAM_FAILED',
      'Turnpike could not be registered there',
      'register it by hand, and give its clientId with setServerAuth',
    );
    refused.cause = error;
    throw refused;
  }
}

/** As the server wants a secret to be sent; by the standard's default where it does not say. */
function methodOf({ token_endpoint_auth_methods_supported: supported }: AuthorisationServerMetadata): ClientAuthMethod {
  return supported !== undefined && !supported.includes('client_secret_basic') && supported.includes('client_secret_post')
    ? 'client_secret_post'
    : 'client_secret_basic';
}

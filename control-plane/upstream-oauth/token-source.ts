/** Gets the next token of a connection, in whichever way its server is configured for. */
import type { SecretSealer } from '../../shared/sealed-secret.ts';
import type { McpServer } from '../mcp-servers/mcp-server.entity.ts';
import { hasRegisteredItself } from './client-registration.ts';
import { clientSecretPlace, type OpenRegistration, type Registration } from './registration.ts';
import { TokenRefused, type FetchedToken, type TokenEndpoint } from './token-endpoint.ts';
import { refreshTokenPlace } from './token-store.ts';
import type { UpstreamConnection } from './upstream-connection.entity.ts';

export interface TokenSourceParts {
  readonly sealer: SecretSealer;
  readonly endpoint: TokenEndpoint;
}

/** Throws a `TokenRefused` when there is none to be had. */
export function fetchToken(parts: TokenSourceParts, server: McpServer, connection: UpstreamConnection): Promise<FetchedToken> {
  const registration = connection.registration ?? registrationOf(server);
  if (registration === undefined) return Promise.reject(new TokenRefused('nobody has signed in', 'SIGN_IN_OVER'));
  const open = openRegistration(parts.sealer, server, registration);
  if (connection.registration == null) return parts.endpoint.clientCredentials(open);
  if (connection.refreshToken == null) return Promise.reject(new TokenRefused('the sign-in has ended, and nothing was given to renew it with', 'SIGN_IN_OVER'));
  return parts.endpoint.refresh(open, parts.sealer.open(connection.refreshToken, refreshTokenPlace(connection))).catch((error: unknown) => {
    throw isForgotten(error, server, registration) ? forgotten(error) : error;
  });
}

/** What was given to a client goes with it: unlike one that somebody has configured, or one that is looked up anew, it never comes back. */
function isForgotten(error: unknown, { auth }: McpServer, registration: Registration): error is TokenRefused {
  return error instanceof TokenRefused && error.meaning === 'CLIENT_UNKNOWN' && hasRegisteredItself(auth, registration);
}

function forgotten(cause: TokenRefused): TokenRefused {
  return new TokenRefused(`${cause.message}: it has forgotten Turnpike, which registers anew with the next sign-in`, 'SIGN_IN_OVER', { cause });
}

export function openRegistration(
  sealer: SecretSealer,
  server: Pick<McpServer, 'id' | 'organisationId' | 'isPublic'>,
  registration: Registration,
): OpenRegistration {
  const { clientSecret, ...rest } = registration;
  return { ...rest, clientSecret: clientSecret === null ? null : sealer.open(clientSecret, clientSecretPlace(server)), isPublic: server.isPublic };
}

/** What the configuration says by itself: of Turnpike's own tokens alone it says everything. */
function registrationOf({ auth }: McpServer): Registration | undefined {
  if (auth.type !== 'OAUTH2' || auth.mode !== 'CLIENT_CREDENTIALS' || auth.tokenUrl === null || auth.clientId === null) return undefined;
  const { tokenUrl: tokenEndpoint, clientId, clientSecret, scope, resource, audience } = auth;
  const method = clientSecret === null ? 'none' : 'client_secret_basic';
  return { issuer: new URL(tokenEndpoint).origin, tokenEndpoint, revocationEndpoint: null, clientId, method, clientSecret, scope, resource, audience };
}

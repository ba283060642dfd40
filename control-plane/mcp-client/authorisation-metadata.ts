/** Finds out how a server that asks who is there wants to be told: from its challenge to the metadata of its authorisation server. */
import {
  discoverAuthorizationServerMetadata,
  discoverOAuthProtectedResourceMetadata,
  extractWWWAuthenticateParams,
} from '@modelcontextprotocol/sdk/client/auth.js';
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { LookSteps } from './look-steps.ts';

/** What a server asks of whoever calls it. */
export type AuthNeed = 'NONE' | 'ACCEPTED' | 'BEARER' | 'BASIC' | 'OAUTH2' | 'UNKNOWN';

export interface Authorisation {
  readonly need: AuthNeed;
  /** RFC 9728 and RFC 8414 documents, as far as there are any. */
  readonly metadata: { readonly protectedResource: unknown; readonly authorisationServer: unknown } | null;
  readonly warnings: readonly string[];
}

/** `fetch` sends no credentials: the metadata is for everybody. */
export async function readAuthorisation(url: URL, challenge: Response, { fetch, steps }: { fetch: FetchLike; steps: LookSteps }): Promise<Authorisation> {
  const header = challenge.headers.get('www-authenticate');
  const scheme = header?.split(/[ ,]/)[0]?.toLowerCase();
  await steps.try(
    'challenge',
    () => Promise.resolve(),
    () => (header === null ? 'the server answered 401 and does not say what it wants' : `the server wants ${scheme}`),
  );
  if (scheme === 'basic') return { need: 'BASIC', metadata: null, warnings: [] };
  const { resourceMetadataUrl } = extractWWWAuthenticateParams(challenge);
  const resource = await steps.try(
    'protected-resource',
    () => discoverOAuthProtectedResourceMetadata(url, resourceMetadataUrl === undefined ? {} : { resourceMetadataUrl }, fetch),
    (found) => `its tokens come from ${(found.authorization_servers ?? []).join(', ') || 'a place that it does not name'}`,
  );
  // Before there was a document for it, the server was its own authorisation server (MCP 2025-03-26).
  const issuer = resource?.authorization_servers?.[0] ?? url.origin;
  const server = await steps.try(
    'authorisation-server',
    async () => {
      const found = await discoverAuthorizationServerMetadata(issuer, { fetchFn: fetch });
      if (found === undefined) throw new Error('there is no metadata');
      return found;
    },
    (found) => `tokens are given at ${found.token_endpoint}`,
  );
  if (server === undefined) return { need: scheme === 'bearer' ? 'BEARER' : 'UNKNOWN', metadata: null, warnings: [] };
  const warnings = [
    ...(resource !== undefined && URL.parse(resource.resource)?.origin !== url.origin ? ['the metadata is that of another resource'] : []),
    ...(sameUrl(server.issuer, issuer) ? [] : ['the metadata is that of another issuer']),
    ...(server.code_challenge_methods_supported?.includes('S256') === true ? [] : ['the authorisation server does not say that it supports PKCE with S256']),
  ];
  return { need: 'OAUTH2', metadata: { protectedResource: resource ?? null, authorisationServer: server }, warnings };
}

function sameUrl(one: string, other: string): boolean {
  return one.replace(/\/$/, '') === other.replace(/\/$/, '');
}

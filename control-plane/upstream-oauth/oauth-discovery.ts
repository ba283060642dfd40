/** Finds the authorisation server of an MCP server, and refuses one with which a sign-in would not be safe (RFC 9728, RFC 8414, RFC 7636). */
import {
  discoverAuthorizationServerMetadata,
  discoverOAuthProtectedResourceMetadata,
  extractWWWAuthenticateParams,
} from '@modelcontextprotocol/sdk/client/auth.js';
import { checkResourceAllowed } from '@modelcontextprotocol/sdk/shared/auth-utils.js';
import type { AuthorizationServerMetadata } from '@modelcontextprotocol/sdk/shared/auth.js';
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import { z } from 'zod';
import { refuseInput } from '../graphql/input-refused.ts';
import { isPrivateWay } from './oauth-fetch.ts';

const privateUrl = z.url().refine((text) => isPrivateWay(new URL(text)));
const serverSchema = z.object({
  issuer: z.string(),
  authorization_endpoint: privateUrl,
  token_endpoint: privateUrl,
  revocation_endpoint: privateUrl.optional(),
  registration_endpoint: privateUrl.optional(),
  scopes_supported: z.array(z.string()).optional(),
  token_endpoint_auth_methods_supported: z.array(z.string()).optional(),
  code_challenge_methods_supported: z.array(z.string()).optional(),
  authorization_response_iss_parameter_supported: z.boolean().optional(),
  client_id_metadata_document_supported: z.boolean().optional(),
});
export type AuthorisationServerMetadata = z.infer<typeof serverSchema>;

export interface DiscoveredOauth {
  readonly server: AuthorisationServerMetadata;
  /** The whole of it, as the library wants it for a registration. */
  readonly document: AuthorizationServerMetadata;
  /** What the tokens are for, as the MCP server calls itself. */
  readonly resource: string;
  /** What the MCP server says that its tokens should permit. */
  readonly scope: string | null;
}

const resourceSchema = z.object({
  resource: z.string(),
  authorization_servers: z.array(z.string()).optional(),
  scopes_supported: z.array(z.string()).optional(),
});

/** Refuses when there is nothing to be found, or it is not what it must be. */
export async function discoverOauth(endpoint: URL, fetch: FetchLike): Promise<DiscoveredOauth> {
  const resource = await protectedResource(endpoint, fetch);
  if (resource !== undefined && !checkResourceAllowed({ requestedResource: endpoint, configuredResource: resource.resource }))
    throw failed('the server’s metadata is that of another resource');
  // Before there was a document for it, the server was its own authorisation server (MCP 2025-03-26).
  const issuer = resource?.authorization_servers?.[0] ?? endpoint.origin;
  const found = await discoverAuthorizationServerMetadata(issuer, { fetchFn: fetch }).catch((error: unknown) => {
    throw failed('its authorisation server has no metadata that can be used', error);
  });
  if (found === undefined) throw failed('its authorisation server has no metadata');
  const reading = serverSchema.safeParse(found);
  if (!reading.success) throw failed('the metadata of its authorisation server leads to places that are not safe, or to none');
  const server = reading.data;
  if (trimmed(server.issuer) !== trimmed(issuer)) throw failed('the metadata of its authorisation server is that of another issuer');
  if (server.code_challenge_methods_supported?.includes('S256') !== true) throw failed('its authorisation server does not support PKCE with S256');
  return { server, document: found, resource: resource?.resource ?? endpoint.href, scope: resource?.scopes_supported?.join(' ') || null };
}

/** Where it should be by its address, or where the server itself says that it is. Undefined when there is none. */
async function protectedResource(endpoint: URL, fetch: FetchLike): Promise<z.infer<typeof resourceSchema> | undefined> {
  try {
    return resourceSchema.parse(await discoverOAuthProtectedResourceMetadata(endpoint, {}, fetch));
  } catch {
    // It may stand elsewhere: who asks without credentials is told so.
    const challenge = await fetch(endpoint, { headers: { accept: 'application/json, text/event-stream' } }).catch((error: unknown) => {
      throw failed('the server cannot be asked where its tokens come from', error);
    });
    await challenge.body?.cancel();
    const { resourceMetadataUrl } = extractWWWAuthenticateParams(challenge);
    if (resourceMetadataUrl === undefined) return undefined;
    const found = await discoverOAuthProtectedResourceMetadata(endpoint, { resourceMetadataUrl }, fetch).catch((error: unknown) => {
      throw failed('the server names metadata that cannot be used', error);
    });
    return resourceSchema.parse(found);
  }
}

/** What is told of it is ours to say: nothing of what a server answered. */
function failed(sentence: string, cause?: unknown): Error {
  const refused = refuseInput(['id'], 'UPSTREAM_FAILED', sentence, 'probeServer shows what the server says of itself');
  if (cause !== undefined) refused.cause = cause;
  return refused;
}

function trimmed(url: string): string {
  return url.replace(/\/$/, '');
}

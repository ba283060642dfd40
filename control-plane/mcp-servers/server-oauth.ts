/** A server that demands OAuth 2 works with nothing less. */
import { refuseInput } from '../graphql/input-refused.ts';
import type { McpServer } from './mcp-server.entity.ts';
import { isOauthComplete } from './oauth-complete.ts';

/** `field` is what of the input would let it be called without. */
export function requireOauth({ enabled, oauthRequired, auth }: Pick<McpServer, 'enabled' | 'oauthRequired' | 'auth'>, field: string): void {
  if (!enabled || !oauthRequired || isOauthComplete(auth)) return;
  throw refuseInput(
    [field],
    'AUTH_INCOMPLETE',
    'the server demands OAuth 2, and its configuration is not complete',
    'complete it with setServerAuth, or keep the server switched off',
  );
}

/** Whether a server signs in by OAuth 2 with everything that this needs. */
import type { UpstreamAuth } from '../../shared/mcp-server.ts';

export function isOauthComplete({ type }: Pick<UpstreamAuth, 'type'>): boolean {
  return type === 'OAUTH2';
}

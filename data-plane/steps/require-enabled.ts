/** Step 8: requires the server to be switched on. */
import { Refusal } from '../../shared/refusal.ts';
import type { GovernedServer } from '../config/governed-server.ts';
import type { EnabledServer } from '../evidence.ts';

export function requireEnabled(server: GovernedServer): EnabledServer {
  if (server.config.enabled) return { server };
  throw new Refusal('mcp_not_found', 'server_disabled', `the MCP server '${server.config.slug}' is disabled`, {
    rule: { kind: 'mcpServer', id: server.config.id, path: 'enabled' },
  });
}

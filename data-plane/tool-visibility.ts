/** Notices for a caller who listens that the tools it may see are others now (MCP 2025-11-25, Tools, list changed). */
import type { GovernedServer } from './config/governed-server.ts';

export const LIST_CHANGED = Buffer.from('event: message\ndata: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n');

/** Equal for two forms of a server in which the same tools are visible. */
export function rulesOf({ config }: GovernedServer): string {
  return JSON.stringify([config.allowedTools, config.blockedTools, config.toolRulesMode]);
}

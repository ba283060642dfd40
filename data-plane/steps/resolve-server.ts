/** Step 7: finds the server by slug or id, inside the key's organisation and nowhere else. */
import type { ApiKey } from '../../shared/api-key.ts';
import { Refusal } from '../../shared/refusal.ts';
import type { GovernedServer } from '../config/governed-server.ts';
import type { Snapshot } from '../config/snapshot.ts';
import type { Exchange } from '../exchange.ts';
import type { Trail } from '../trail.ts';

/** Another organisation's server is answered exactly as one that does not exist. */
export function resolveServer(snapshot: Snapshot, exchange: Exchange, key: ApiKey, trail: Trail): GovernedServer {
  const server = snapshot.servers.get(key.organisationId)?.get(exchange.identifier);
  if (server === undefined) throw new Refusal('mcp_not_found', 'unknown_server', `there is no MCP server '${exchange.identifier}'`);
  trail.server = server;
  return server;
}

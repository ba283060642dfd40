/** Reads the `endpoint` event of a server: where, on the origin that was configured, the messages of this connection go (MCP 2024-11-05, Transports). */
import { Refusal } from '../../shared/refusal.ts';
import type { GovernedServer } from '../config/governed-server.ts';

const URI_LENGTH_MAX = 8192;

/** The path with its query. Credentials, and what lies on the paths of another origin, are none of this server's business: refused. */
export function readEndpoint(uri: string, streamUrl: string, server: GovernedServer): string {
  const base = new URL(streamUrl);
  const url = uri.length > URI_LENGTH_MAX ? null : URL.parse(uri, base.href);
  const name = `'${server.config.slug}'`;
  if (url === null) throw new Refusal('upstream_error', 'bad_answer', `${name} named an endpoint that is no URI`);
  if (url.origin !== base.origin) throw new Refusal('upstream_error', 'address_refused', `${name} named an endpoint of another origin`);
  if (url.username !== '' || url.password !== '') throw new Refusal('upstream_error', 'address_refused', `${name} named an endpoint with credentials`);
  return url.pathname + url.search;
}

/** Tells the requests of old clients from all others: the GET that opens a stream, and the path that its messages are posted to. */
import type { Exchange } from '../exchange.ts';
import { SESSION_HEADER } from '../mcp/session-ids.ts';

const MESSAGES_PATH = '/messages';
const ID_PARAMETER = 'sessionId';
/** As ids of ours are spelled: a server may have a path of the same name, and ids of its own on it. */
const DOOR_ID = /^~?[\w-]+\.[\w-]{43}$/;
/** Clients of Streamable HTTP send at least one of them with every GET, since revision 2025-06-18. */
const NEWER_HEADERS = [SESSION_HEADER, 'mcp-protocol-version', 'last-event-id'] as const;

/** Whether the GET is that of a client which expects to be told where its messages go (MCP 2024-11-05, Transports). */
export function opensDoor(exchange: Exchange): boolean {
  if (exchange.method !== 'GET' || exchange.tailPath !== '' || !exchange.acceptsEventStream) return false;
  return NEWER_HEADERS.every((name) => exchange.header(name) === undefined);
}

/** The id in the path that a message was posted to; undefined for one that came to any other path. */
export function doorIdOf(exchange: Exchange): string | undefined {
  if (exchange.method !== 'POST' || exchange.tailPath !== MESSAGES_PATH) return undefined;
  const [, query = ''] = (exchange.request.url ?? '').split('?', 2);
  const id = new URLSearchParams(query).get(ID_PARAMETER) ?? '';
  return DOOR_ID.test(id) ? id : undefined;
}

/** Without a host, so that it is of the origin that the client came to. The server is named as the client named it. */
export function endpointOf({ identifier }: Exchange, doorId: string): string {
  return `/v1/mcp/${identifier}${MESSAGES_PATH}?${ID_PARAMETER}=${doorId}`;
}

/** One look at a server: what it says of itself and which tools it has, over whichever transport and revision reaches it. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { FetchLike, Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { ErrorCode, McpError } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import type { HttpReach } from './open-reach.ts';
import { OWN_CLIENT } from './own-client.ts';
import { REQUEST_META, SESSIONLESS_REVISION, SessionlessClient } from './sessionless-client.ts';

/** An entry of `tools/list`, as the server sent it. */
export type ToolEntry = Readonly<Record<string, unknown>>;

export interface McpConnection {
  readonly revision: string;
  readonly serverInfo: Readonly<Record<string, unknown>> | null;
  listTools(): Promise<ToolEntry[]>;
  close(): Promise<void>;
}

const TOOLS_MAX = 1000;
const PAGES_MAX = 100;
const CONNECTION_CLOSED: number = ErrorCode.ConnectionClosed;
const listSchema = z.looseObject({ tools: z.array(z.record(z.string(), z.unknown())), nextCursor: z.string().optional() });
const discoverySchema = z.looseObject({
  supportedVersions: z.array(z.string()),
  _meta: z.looseObject({ 'io.modelcontextprotocol/serverInfo': z.record(z.string(), z.unknown()).optional() }).optional(),
});

export function httpTransport(reach: HttpReach, fetch: FetchLike): Transport {
  return new StreamableHTTPClientTransport(reach.url, { fetch, requestInit: { headers: { ...reach.headers } } });
}

export function sseTransport(reach: HttpReach, fetch: FetchLike): Transport {
  return new SSEClientTransport(reach.url, { fetch, requestInit: { headers: { ...reach.headers } } });
}

/** Greets a server of the revisions with sessions. Rejects, with the transport closed, when it does not answer as one. */
export async function openSession(transport: Transport, signal: AbortSignal): Promise<McpConnection> {
  const client = new Client(OWN_CLIENT);
  let revision = '';
  const setOfTransport = transport.setProtocolVersion?.bind(transport);
  transport.setProtocolVersion = (agreed) => {
    revision = agreed;
    setOfTransport?.(agreed);
  };
  await orClose(transport, signal, client.connect(transport, { signal })).catch(explainerOf(client));
  return {
    revision,
    serverInfo: { ...client.getServerVersion() },
    listTools: () => allPages((cursor) => client.request({ method: 'tools/list', params: cursor === undefined ? {} : { cursor } }, listSchema, { signal })),
    close: async () => {
      try {
        if (transport instanceof StreamableHTTPClientTransport && !signal.aborted) await transport.terminateSession();
      } finally {
        await client.close();
      }
    },
  };
}

/** Asks a server of 2026-07-28 what it is. `transport` makes one over a fetch that sets the headers of the revision. */
export async function openSessionless(transport: Transport, signal: AbortSignal): Promise<McpConnection> {
  const client = new SessionlessClient();
  const ask = async <Answer extends z.ZodType>(method: string, params: object, schema: Answer): Promise<z.infer<Answer>> =>
    schema.parse(await client.request({ method, params: { ...params, _meta: { ...REQUEST_META } } }, z.looseObject({}), { signal }));
  await orClose(transport, signal, client.connect(transport));
  const discovery = await orClose(transport, signal, ask('server/discover', {}, discoverySchema)).catch(explainerOf(client));
  if (!discovery.supportedVersions.includes(SESSIONLESS_REVISION)) {
    await client.close();
    throw new Error(`the server speaks ${discovery.supportedVersions.join(', ')}, and none of them without a session`);
  }
  const { _meta: meta } = discovery;
  return {
    revision: SESSIONLESS_REVISION,
    serverInfo: meta?.['io.modelcontextprotocol/serverInfo'] ?? null,
    listTools: () => allPages((cursor) => ask('tools/list', cursor === undefined ? {} : { cursor }, listSchema)),
    close: () => client.close(),
  };
}

/** A transport may wait for its first word without an end of its own. */
async function orClose<Answer>(transport: Transport, signal: AbortSignal, work: Promise<Answer>): Promise<Answer> {
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const end = (): void => reject(signal.reason);
  signal.addEventListener('abort', end);
  try {
    signal.throwIfAborted();
    return await Promise.race([work, ended]);
  } catch (error) {
    await transport.close();
    throw error;
  } finally {
    signal.removeEventListener('abort', end);
  }
}

/** Where a connection has only closed, the last thing that was wrong with its transport tells why. */
function explainerOf(client: Client | SessionlessClient): (error: unknown) => never {
  let last: Error | undefined;
  Object.assign(client, { onerror: (error: Error) => void (last = error) });
  return (error) => {
    throw error instanceof McpError && error.code === CONNECTION_CLOSED ? (last ?? error) : error;
  };
}

/** A cursor that comes again would lead round in a circle. */
async function allPages(readPage: (cursor: string | undefined) => Promise<z.infer<typeof listSchema>>): Promise<ToolEntry[]> {
  const entries: ToolEntry[] = [];
  const cursors = new Set<string | undefined>();
  let cursor: string | undefined;
  while (!cursors.has(cursor)) {
    cursors.add(cursor);
    const page = await readPage(cursor);
    entries.push(...page.tools);
    if (entries.length > TOOLS_MAX || cursors.size > PAGES_MAX) throw new Error(`the server has more than ${TOOLS_MAX} tools, or ${PAGES_MAX} pages of them`);
    if (page.nextCursor === undefined) break;
    cursor = page.nextCursor;
  }
  return entries;
}

/** Learns which arguments of a tool its server wants to see in headers too, and writes those (MCP 2026-07-28, Transports, custom headers). */
import { z } from 'zod';
import type { Clock } from '../../../shared/clock.ts';
import { answerSchema, askServer } from '../ask-server.ts';
import { PerEndpoint, type Endpoint } from '../per-endpoint.ts';
import { headerValueOf } from '../../mcp/header-value.ts';
import { MODERN_REVISION } from '../../mcp/protocol-revisions.ts';
import { paramOf } from '../../mcp/revision-claims.ts';
import type { RpcMessage } from '../../mcp/rpc-call.ts';
import type { Transport, UpstreamRequest } from '../../transports/transport.ts';
import { metadataOf, type ClientWords } from './modern-request.ts';

interface Declaration {
  readonly path: readonly string[];
  readonly header: string;
}

interface Learned {
  readonly tools: ReadonlyMap<string, readonly Declaration[]>;
  readonly at: number;
}

/** A server may be replaced by another version of itself without a change of its configuration. */
const FRESH_MILLIS = 300_000;
const PAGES_MAX = 50;
const NESTING_MAX = 16;
const listSchema = z.object({ tools: z.array(z.object({ name: z.string(), inputSchema: z.unknown().optional() })), nextCursor: z.string().optional() });
const schemaSchema = z.object({ 'x-mcp-header': z.unknown().optional(), properties: z.record(z.string(), z.unknown()).optional() });
const objectSchema = z.record(z.string(), z.unknown());
/** RFC 9110, section 5.1. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const LIST_HEADERS = ['mcp-protocol-version', MODERN_REVISION, 'mcp-method', 'tools/list'] as const;

export class ParameterHeaders {
  readonly #transport: Pick<Transport, 'send'>;
  readonly #clock: Clock;
  readonly #learned = new PerEndpoint<Learned>();

  constructor(transport: Pick<Transport, 'send'>, clock: Clock) {
    this.#transport = transport;
    this.#clock = clock;
  }

  /** Flat, as far as is known: most tools want none, and a server that misses some says so. */
  headersFor(endpoint: Endpoint, message: RpcMessage): string[] {
    if (message.tool === undefined) return [];
    const learned = this.#learned.get(endpoint);
    if (learned === undefined || this.#clock.elapsed() - learned.at > FRESH_MILLIS) return [];
    const args = paramOf(message, 'arguments');
    return (learned.tools.get(message.tool) ?? []).flatMap(({ path, header }) => {
      const text = textOf(path.reduce<unknown>(memberOf, args));
      return text === undefined ? [] : [`mcp-param-${header.toLowerCase()}`, headerValueOf(text)];
    });
  }

  /** Reads the server's whole list of tools, in the place of the caller. Rejects with a refusal when that cannot be had. */
  async learn(request: UpstreamRequest, words: ClientWords): Promise<void> {
    const tools = new Map<string, readonly Declaration[]>();
    let cursor: string | undefined;
    for (let page = 0; page < PAGES_MAX; page++) {
      const params = { ...(cursor === undefined ? {} : { cursor }), _meta: metadataOf({ ...words, logLevel: undefined }) };
      const message = { jsonrpc: '2.0', id: 'turnpike', method: 'tools/list', params };
      const { value } = await askServer(this.#transport, request, message, { headers: LIST_HEADERS });
      const list = listSchema.safeParse(answerSchema.safeParse(value).data?.result).data;
      for (const { name, inputSchema } of list?.tools ?? []) {
        const declarations = declarationsIn(inputSchema);
        if (declarations.length > 0) tools.set(name, declarations);
      }
      cursor = list?.nextCursor;
      if (cursor === undefined) break;
    }
    this.#learned.set(request, { tools, at: this.#clock.elapsed() });
  }
}

/** Only a chain of `properties` says for certain where an argument stands; what is declared elsewhere is not valid. */
function declarationsIn(schema: unknown, path: readonly string[] = []): Declaration[] {
  const reading = schemaSchema.safeParse(schema);
  if (!reading.success || path.length > NESTING_MAX) return [];
  const { 'x-mcp-header': header, properties = {} } = reading.data;
  const own = path.length > 0 && typeof header === 'string' && TOKEN.test(header) ? [{ path, header }] : [];
  return [...own, ...Object.entries(properties).flatMap(([name, inner]) => declarationsIn(inner, [...path, name]))];
}

function memberOf(value: unknown, name: string): unknown {
  return objectSchema.safeParse(value).data?.[name];
}

/** Undefined where there is nothing to repeat, or no one way to write it. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  const isExact = typeof value === 'number' && (Number.isSafeInteger(value) || !Number.isInteger(value));
  return isExact ? String(value) : undefined;
}

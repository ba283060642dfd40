/** Learns of each server whether it speaks revision 2026-07-28, by asking it what a client would, and remembers the answer for a while. */
import { z } from 'zod';
import type { Clock } from '../../shared/clock.ts';
import { Refusal } from '../../shared/refusal.ts';
import { CLIENT_KEY } from '../mcp/client-info.ts';
import { MODERN_REVISION } from '../mcp/protocol-revisions.ts';
import { CLAIM_KEY } from '../mcp/revision-claims.ts';
import type { Transport, UpstreamRequest } from '../transports/transport.ts';
import { badAnswer } from '../transports/upstream-objections.ts';
import { answerSchema, askServer } from './ask-server.ts';
import { PerEndpoint } from './per-endpoint.ts';

const discoverSchema = z.looseObject({
  supportedVersions: z.array(z.string()),
  capabilities: z.record(z.string(), z.unknown()).default({}),
  instructions: z.string().optional(),
});
/** What a server of the revision says of itself (MCP 2026-07-28, `server/discover`). */
export type Discovered = z.infer<typeof discoverSchema>;

/** `undefined` as its answer: the server knows only revisions that begin with `initialize`. */
interface Discovery {
  readonly answer: Discovered | undefined;
  readonly askedAt: number;
}

/** A server may be replaced by another version of itself without a change of its configuration. */
const FRESH_MILLIS = 300_000;
/** Who asks where no client does. */
export const OWN_CLIENT = { name: 'turnpike', version: '0.1.0' } as const;
/** The question itself. */
export const DISCOVER = {
  jsonrpc: '2.0',
  id: 'turnpike',
  method: 'server/discover',
  params: {
    _meta: {
      [CLAIM_KEY]: MODERN_REVISION,
      [CLIENT_KEY]: OWN_CLIENT,
      'io.modelcontextprotocol/clientCapabilities': {},
    },
  },
} as const;
const DISCOVER_HEADERS = ['mcp-protocol-version', MODERN_REVISION, 'mcp-method', 'server/discover'] as const;

export class Discoveries {
  readonly #transport: Pick<Transport, 'send'>;
  readonly #clock: Clock;
  readonly #known = new PerEndpoint<Discovery>();
  readonly #asking = new PerEndpoint<Promise<Discovered | undefined>>();

  constructor(transport: Pick<Transport, 'send'>, clock: Clock) {
    this.#transport = transport;
    this.#clock = clock;
  }

  /** What is known without asking. What is old is asked for again meanwhile. */
  known(request: UpstreamRequest): { readonly answer: Discovered | undefined } | undefined {
    const known = this.#known.get(request);
    if (known !== undefined && this.#clock.elapsed() - known.askedAt > FRESH_MILLIS) {
      // A server that is away changes nothing that is known of it; whoever calls it hears of that.
      this.#ask(request).catch(() => undefined);
    }
    return known;
  }

  /** Asks once for all who wait. Rejects with a refusal when the server cannot be asked: then nothing is known of it. */
  learn(request: UpstreamRequest): Promise<Discovered | undefined> {
    const known = this.known(request);
    return known === undefined ? this.#ask(request) : Promise.resolve(known.answer);
  }

  #ask(request: UpstreamRequest): Promise<Discovered | undefined> {
    let asking = this.#asking.get(request);
    if (asking === undefined) {
      asking = this.#discover(request).finally(() => this.#asking.delete(request));
      this.#asking.set(request, asking);
    }
    return asking;
  }

  async #discover(request: UpstreamRequest): Promise<Discovered | undefined> {
    const answer = modernIn(await this.#hear(request));
    this.#known.set(request, { answer, askedAt: this.#clock.elapsed() });
    return answer;
  }

  async #hear(request: UpstreamRequest): Promise<unknown> {
    try {
      const { head, value } = await askServer(this.#transport, request, DISCOVER, { headers: DISCOVER_HEADERS });
      if (SAYING_NOTHING.has(head.status)) throw badAnswer(request.server, 'bad_status', `status ${head.status}`, { upstreamStatus: head.status });
      return value;
    } catch (error) {
      // A page of the server's framework in place of an answer is a word as well: the question is not known there.
      if (error instanceof Refusal && isClientError(error.facts.upstreamStatus)) return undefined;
      throw error;
    }
  }
}

/** With these a server puts whoever asks off, whatever the question is (RFC 9110, section 15.5.9; RFC 6585, section 4). */
const SAYING_NOTHING: ReadonlySet<number> = new Set([408, 429]);

function isClientError(status: number | undefined): boolean {
  return status !== undefined && status >= 400 && status < 500 && !SAYING_NOTHING.has(status);
}

/** Whatever else a server answers comes from one that does not know the question (MCP 2026-07-28, Versioning, backward compatibility). */
export function modernIn(value: unknown): Discovered | undefined {
  const answer = answerSchema.safeParse(value);
  const reading = discoverSchema.safeParse(answer.data?.result);
  return reading.success && reading.data.supportedVersions.includes(MODERN_REVISION) ? reading.data : undefined;
}

/** Asks a gateway node what only a node knows, and proves that it is the control plane who asks. */
import type { Logger } from 'pino';
import { Agent, request } from 'undici';
import { PLANE_PROOF_HEADER, type PlaneProofs } from '../../shared/plane-proofs.ts';
import { refuseInput, type InputRefused } from '../graphql/input-refused.ts';
import type { DataPlane } from '../data-planes/data-plane.entity.ts';

export interface NodeAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  /** With which the node was asked; its answer may be proved by it. */
  readonly proof: string;
}

export interface NodeQuestion {
  readonly path: string;
  readonly document: unknown;
  /** For the answer, once a node has been reached. */
  readonly patienceMillis: number;
}

const CONNECT_MILLIS_MAX = 1000;
const ANSWER_BYTES_MAX = 8 * 1024 * 1024;
/** With which a node says that it does not believe a proof. */
const MISDIRECTED = 421;
/** Faults with which nothing has reached a node, so that another one may be asked. */
const UNREACHED: ReadonlySet<string> = new Set(['UND_ERR_CONNECT_TIMEOUT', 'ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN']);

export class NodeClient {
  readonly #proofs: PlaneProofs;
  readonly #log: Logger;
  readonly #agent = new Agent({ allowH2: false, connect: { timeout: CONNECT_MILLIS_MAX }, maxResponseSize: ANSWER_BYTES_MAX });

  constructor(proofs: PlaneProofs, log: Logger) {
    this.#proofs = proofs;
    this.#log = log;
  }

  /** The answer of the first node that is reached; refused as DATA_PLANE_UNREACHABLE when none is. A node that was reached and then lost is not asked again. */
  async ask(nodes: readonly DataPlane[], question: NodeQuestion): Promise<NodeAnswer> {
    for (const { name, endpoints } of nodes) {
      for (const endpoint of endpoints.filter((text) => URL.canParse(text))) {
        const answer = await this.#askAt(new URL(question.path, endpoint), question);
        if (answer !== undefined && answer.status !== MISDIRECTED) return answer;
        if (answer !== undefined) this.#log.warn({ node: name }, 'a node does not believe the control plane: their clocks or their secret keys differ');
      }
    }
    throw unreachable('no gateway node can be reached that serves this organisation');
  }

  /** Whether the node that answered has the secret key. */
  isProved({ headers, proof, body }: NodeAnswer): boolean {
    return this.#proofs.believesAnswer(proof, body, String(headers[PLANE_PROOF_HEADER]));
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  /** Undefined where nobody was reached. */
  async #askAt(url: URL, { path, document, patienceMillis }: NodeQuestion): Promise<NodeAnswer | undefined> {
    const text = JSON.stringify(document);
    const proof = this.#proofs.prove(path, text);
    const headers = { 'content-type': 'application/json', [PLANE_PROOF_HEADER]: proof };
    try {
      const dispatcher = this.#agent;
      const answer = await request(url, { dispatcher, method: 'POST', headers, body: text, headersTimeout: patienceMillis, bodyTimeout: patienceMillis });
      return { status: answer.statusCode, headers: answer.headers, body: await answer.body.text(), proof };
    } catch (error) {
      this.#log.info({ err: error, url: url.origin }, 'a gateway node could not be asked');
      if (UNREACHED.has(codeOf(error))) return undefined;
      throw unreachable('the gateway node was lost before it had answered');
    }
  }
}

export function unreachable(message: string): InputRefused {
  return refuseInput(
    null,
    'DATA_PLANE_UNREACHABLE',
    message,
    'see dataPlanes, and DATA_PLANE_NODE_URL where nodes listen on an address that leads nowhere from here',
  );
}

/** Of several addresses of a name, the fault of the last one says enough. */
function codeOf(error: unknown): string {
  if (error instanceof AggregateError) return codeOf(error.errors.at(-1));
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

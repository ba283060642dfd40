/** Posts messages to the endpoint that an HTTP+SSE server has named for one connection. */
import { Refusal } from '../../shared/refusal.ts';
import type { GovernedServer } from '../config/governed-server.ts';
import type { UpstreamTarget } from './upstream-target.ts';
import { badAnswer, objectionTo } from './upstream-objections.ts';

/** What a server says beside its status is read no further than this. */
const BODY_BYTES_MAX = 65_536;
const BODY_TIMEOUT_MILLIS = 10_000;

export class SsePoster {
  readonly #server: GovernedServer;
  readonly #target: UpstreamTarget;
  readonly #path: Promise<string>;
  #resolvePath: (path: string) => void = () => undefined;
  #rejectPath: (refusal: Refusal) => void = () => undefined;

  constructor(server: GovernedServer, target: UpstreamTarget) {
    this.#server = server;
    this.#target = target;
    this.#path = new Promise((resolve, reject) => {
      this.#resolvePath = resolve;
      this.#rejectPath = reject;
    });
  }

  /** Settles when the server has named its endpoint; messages wait for it. */
  get named(): Promise<unknown> {
    return this.#path;
  }

  /** The first one counts. */
  name(path: string): void {
    this.#resolvePath(path);
  }

  giveUp(refusal: Refusal): void {
    this.#rejectPath(refusal);
  }

  /** Resolves when the server has taken the message. `mcp_not_found` says that it knows this connection no more. */
  async post(body: Buffer, headers: readonly string[]): Promise<void> {
    const path = await this.#path;
    const answer = await this.#target.pool.request({
      path,
      method: 'POST',
      headers: [...this.#target.messageHeaders, ...headers],
      body,
      headersTimeout: this.#server.limits.totalTimeoutMillis,
      bodyTimeout: BODY_TIMEOUT_MILLIS,
    });
    // Answers come over the event stream: what this body says is for nobody, and neither is how it ends.
    answer.body.dump({ limit: BODY_BYTES_MAX }).catch(() => undefined);
    const { statusCode } = answer;
    const objection = objectionTo(this.#server, statusCode, answer.headers);
    if (objection !== undefined) throw objection;
    if (statusCode === 404)
      throw new Refusal('mcp_not_found', 'unknown_session', `'${this.#server.config.slug}' has ended this session; start over with initialize`);
    if (statusCode >= 400) throw badAnswer(this.#server, 'bad_status', `status ${statusCode} to a message`);
  }
}

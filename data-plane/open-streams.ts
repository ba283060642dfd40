/** Keeps an eye on open streams: a silent one is kept from being taken for dead, and what a new request would be refused for ends it. */
import { asRefusal, Refusal } from '../shared/refusal.ts';
import type { Snapshot } from './config/snapshot.ts';
import type { RpcRequest } from './evidence.ts';
import type { Exchange } from './exchange.ts';
import type { Gateway } from './gateway.ts';
import type { Governing } from './list-visibility.ts';
import { judgeClient } from './policies/judge-client.ts';
import { authenticateKey } from './steps/authenticate-key.ts';
import { checkAccessGrant } from './steps/check-access-grant.ts';
import { requireEnabled } from './steps/require-enabled.ts';
import { resolveServer } from './steps/resolve-server.ts';
import { Trail } from './trail.ts';

export interface OpenStream {
  readonly exchange: Exchange;
  readonly rpc: RpcRequest;
  /** Ends the stream with a last event that says why. */
  cut(refusal: Refusal): void;
  /** The server, and what governs it, as they are configured now. */
  follows(access: Governing): void;
  /** Writes a comment if nothing was written since that moment, in monotonic milliseconds. */
  keepAlive(silentSince: number): void;
}

type Judges = Pick<Gateway, 'config' | 'hasher' | 'clock' | 'guesses'>;

const LOOK_MILLIS = 1000;
/** Keys and grants also expire, without any change of the configuration. */
const EXPIRY_LOOK_MILLIS = 10_000;
/** Proxies and load balancers between here and the caller cut what is silent for 30 or 60 seconds. */
const SILENCE_MILLIS_MAX = 15_000;

export class OpenStreams {
  readonly #judges: Judges;
  readonly #streams = new Set<OpenStream>();
  readonly #timer: NodeJS.Timeout;
  #judgedBy: Snapshot | undefined;
  #judgedAt = 0;

  constructor(judges: Judges) {
    this.#judges = judges;
    this.#timer = setInterval(() => this.#look(), LOOK_MILLIS);
    this.#timer.unref();
  }

  add(stream: OpenStream): void {
    this.#streams.add(stream);
  }

  remove(stream: OpenStream): void {
    this.#streams.delete(stream);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = this.#judges.clock.elapsed();
    for (const stream of this.#streams) stream.keepAlive(now - SILENCE_MILLIS_MAX);
    const snapshot = this.#judges.config.current();
    if (snapshot === undefined || (snapshot === this.#judgedBy && now - this.#judgedAt < EXPIRY_LOOK_MILLIS)) return;
    this.#judgedBy = snapshot;
    this.#judgedAt = now;
    for (const stream of this.#streams) {
      const judged = this.#judge(stream, snapshot);
      if (judged instanceof Refusal) stream.cut(judged);
      else stream.follows(judged);
    }
  }

  /** Steps 6 to 9 of the access flow, asked again, and who the client says it is. */
  #judge({ exchange, rpc }: OpenStream, snapshot: Snapshot): Governing | Refusal {
    const trail = new Trail();
    try {
      const key = authenticateKey(this.#judges, snapshot, exchange, trail);
      const access = checkAccessGrant(this.#judges, snapshot, key, requireEnabled(resolveServer(snapshot, exchange, key, trail)));
      judgeClient(access, exchange, rpc, trail);
      return access;
    } catch (error) {
      return asRefusal(error);
    }
  }
}

/** Calls that wait for their caller to come back with answers to a server's questions, each found by the state that the caller was given. */
import { createHash, randomBytes } from 'node:crypto';
import { Refusal } from '../../../shared/refusal.ts';
import type { RpcMessage } from '../../mcp/rpc-call.ts';
import type { UpstreamRequest } from '../../transports/transport.ts';
import { judgedPart } from './legacy-request.ts';
import { canonicalJson } from './modern-meta.ts';

/** A call that may be given up. */
export interface Waiting {
  cancel(): void;
}

interface Parked<Call> {
  readonly call: Call;
  readonly apiKeyId: string;
  readonly serverId: string;
  readonly judged: string;
  readonly timer: NodeJS.Timeout;
}

export interface RoundLimits {
  /** A person may have to be asked; the server's own patience, and that of its transport, ends not much later. */
  readonly parkedMillisMax: number;
  readonly parkedMax: number;
  readonly parkedPerKeyMax: number;
}

export const ROUND_LIMITS: RoundLimits = { parkedMillisMax: 240_000, parkedMax: 1000, parkedPerKeyMax: 64 };
const STATE_BYTES = 32;

export class ParkedRounds<Call extends Waiting> {
  readonly #limits: RoundLimits;
  readonly #parked = new Map<string, Parked<Call>>();

  constructor(limits: RoundLimits) {
    this.#limits = limits;
  }

  hasRoomFor(apiKeyId: string): boolean {
    if (this.#parked.size >= this.#limits.parkedMax) return false;
    const own = [...this.#parked.values()].filter((parked) => parked.apiKeyId === apiKeyId);
    return own.length < this.#limits.parkedPerKeyMax;
  }

  /** Answers the `requestState` that brings the caller back: it is random, so it cannot be made up, and holds nothing that could be changed. */
  park(call: Call, { apiKeyId, server }: UpstreamRequest, message: RpcMessage): string {
    const state = randomBytes(STATE_BYTES).toString('base64url');
    const timer = setTimeout(() => this.#expire(state), this.#limits.parkedMillisMax).unref();
    this.#parked.set(state, { call, apiKeyId, serverId: server.config.id, judged: digestOf(message), timer });
    return state;
  }

  /** Whether a call waits for whoever brings this state. */
  has(state: unknown): boolean {
    return typeof state === 'string' && this.#parked.has(state);
  }

  /** The call that a retry belongs to, once. Rules have judged the retry as it says it is, so it must be that very call. */
  take(state: unknown, { apiKeyId, server }: UpstreamRequest, message: RpcMessage): Call {
    const parked = typeof state === 'string' ? this.#parked.get(state) : undefined;
    if (typeof state !== 'string' || parked === undefined || parked.apiKeyId !== apiKeyId || parked.serverId !== server.config.id) {
      throw new Refusal('not_bridgeable', 'round_lost', 'no call waits for these answers; it was answered, has waited too long, or waits elsewhere');
    }
    if (parked.judged !== digestOf(message)) {
      throw new Refusal('not_bridgeable', 'round_lost', 'the call that waits for these answers has another method or other params');
    }
    this.#forget(state, parked);
    return parked.call;
  }

  close(): void {
    for (const state of this.#parked.keys()) this.#expire(state);
  }

  #expire(state: string): void {
    const parked = this.#parked.get(state);
    if (parked === undefined) return;
    this.#forget(state, parked);
    parked.call.cancel();
  }

  #forget(state: string, { timer }: Parked<Call>): void {
    clearTimeout(timer);
    this.#parked.delete(state);
  }
}

function digestOf(message: RpcMessage): string {
  return createHash('sha256')
    .update(canonicalJson(judgedPart(message)))
    .digest('base64url');
}

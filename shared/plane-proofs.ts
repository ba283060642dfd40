/** Lets a data plane believe that the control plane asks, and the control plane that a data plane answers: both have the same secret key. */
import { hash, randomBytes } from 'node:crypto';
import type { Clock } from './clock.ts';
import { KeyedHashes } from './keyed-hash.ts';

/** On what the control plane asks of a node, and on what the node answers. */
export const PLANE_PROOF_HEADER = 'turnpike-plane-proof';

/** An overheard proof is soon worth nothing. The clocks of the planes may differ by as much. */
const VALID_MILLIS = 30_000;
const TEXT_LENGTH_MAX = 512;
/** Proofs that were taken lately; more than that many at once are refused. */
const NONCES_MAX = 10_000;
/** The time in milliseconds, what makes it the only one, the digest of the body, the proof. */
const PROOF = /^(\d{1,15}) ([\w-]{22}) ([\w-]{43}) ([\w-]{43})$/;

/** The body that a proof is about. */
export interface ProvedBody {
  is(body: Buffer): boolean;
}

export class PlaneProofs {
  readonly #hash: KeyedHashes;
  readonly #clock: Clock;
  /** By the nonce, until when it must be known; the oldest first. */
  readonly #taken = new Map<string, number>();

  constructor(keys: Buffer | readonly [Buffer, ...Buffer[]], clock: Clock) {
    this.#hash = new KeyedHashes(keys, TEXT_LENGTH_MAX);
    this.#clock = clock;
  }

  /** The value of the header for a body that is sent to that path. */
  prove(path: string, body: string | Buffer): string {
    const claim = `${this.#clock.now()} ${randomBytes(16).toString('base64url')} ${digestOf(body)}`;
    return `${claim} ${this.#hash.of(textOf(path, claim))}`;
  }

  /** Whether whoever has the key sent a body to that path, just now and for the first time; and which. Of strangers not a byte need be read to know. */
  accept(path: string, header: string): ProvedBody | undefined {
    const [, time = '', nonce = '', digest = '', proof = ''] = PROOF.exec(header) ?? [];
    const now = this.#clock.now();
    if (Math.abs(now - Number(time)) > VALID_MILLIS || !this.#hash.matches(textOf(path, `${time} ${nonce} ${digest}`), proof)) return undefined;
    this.#forgetOld(now);
    if (this.#taken.has(nonce) || this.#taken.size >= NONCES_MAX) return undefined;
    this.#taken.set(nonce, now + 2 * VALID_MILLIS);
    return { is: (body) => digestOf(body) === digest };
  }

  /** What a node says of its answer to what that proof came with. */
  proveAnswer(proof: string, body: string): string {
    return this.#hash.of(textOf('answer', `${proof} ${digestOf(body)}`));
  }

  believesAnswer(proof: string, body: string, header: string): boolean {
    return this.#hash.matches(textOf('answer', `${proof} ${digestOf(body)}`), header);
  }

  #forgetOld(now: number): void {
    for (const [nonce, untilMillis] of this.#taken) {
      if (untilMillis > now) return;
      this.#taken.delete(nonce);
    }
  }
}

function textOf(path: string, claim: string): string {
  return `${path} ${claim}`;
}

function digestOf(body: string | Buffer): string {
  return hash('sha256', body, 'base64url');
}

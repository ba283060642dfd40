/** Lets a node believe another one where a request came from: whoever carries a request proves it with the key that all nodes share. */
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../shared/clock.ts';
import { KeyedHashes } from '../../shared/keyed-hash.ts';

/** On every request that a node carries to another one. Whatever has it goes no further. */
export const CARRIED_HEADER = 'turnpike-carried';
/** The status for a request that says that it was carried and does not prove it. */
export const MISDIRECTED = 421;

/** The two ends of the connection over which a caller reached the gateway; empty once the connection is gone. */
export interface Origin {
  readonly clientIp: string;
  readonly localAddress: string;
}

/** More than a request line can have, since headers have a limit. */
const TEXT_LENGTH_MAX = 40_000;
/** A proof that somebody has overheard is soon worth nothing. The clocks of the nodes may differ by as much. */
const VALID_MILLIS = 30_000;
/** Both addresses, the time in milliseconds, the proof. */
const PROOF = /^([^ ]*) ([^ ]*) (\d{1,15}) ([\w-]{43})$/;

export class NodeProofs {
  readonly #hash: KeyedHashes;
  readonly #clock: Clock;

  constructor(keys: Buffer | readonly [Buffer, ...Buffer[]], clock: Clock) {
    this.#hash = new KeyedHashes(keys, TEXT_LENGTH_MAX);
    this.#clock = clock;
  }

  /** The value of the header for a request that is to be carried as it came. */
  prove(request: IncomingMessage, { clientIp, localAddress }: Origin): string {
    const claim = `${clientIp} ${localAddress} ${this.#clock.now()}`;
    return `${claim} ${this.#hash.of(textOf(request, claim))}`;
  }

  /** Where a request came from; undefined for one that says that it was carried and does not prove it. */
  originOf(request: IncomingMessage): Origin | undefined {
    const header = request.headers[CARRIED_HEADER];
    if (header === undefined) return originOfSocket(request);
    const [, clientIp = '', localAddress = '', time = '', proof = ''] = PROOF.exec(String(header)) ?? [];
    const isTimely = Math.abs(this.#clock.now() - Number(time)) <= VALID_MILLIS;
    if (!isTimely || !this.#hash.matches(textOf(request, `${clientIp} ${localAddress} ${time}`), proof)) return undefined;
    return { clientIp, localAddress };
  }
}

/** IPv4-mapped addresses are IPv4. */
export function originOfSocket({ socket }: IncomingMessage): Origin {
  return { clientIp: plainAddress(socket.remoteAddress ?? ''), localAddress: socket.localAddress ?? '' };
}

function plainAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}

function textOf({ method, url }: IncomingMessage, claim: string): string {
  return `${method} ${url} ${claim}`;
}

/** Greets one process in the gateway's own name: with a handshake, until a process of its program has said that it knows none. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { modernIn } from '../bridge/discoveries.ts';
import { errorCodeOf, UNKNOWN_HANDSHAKE } from '../mcp/rpc-error.ts';
import { findTopLevelValue, type ByteRange } from './json-members.ts';
import { DISCOVER_LINE, INITIALIZE_LINE, INITIALIZED_LINE, MODERN_ONLY_LINE } from './lifecycle-lines.ts';
import type { ServerMessage } from './server-message.ts';
import type { SplicedCall } from './spliced-call.ts';
import type { Outbox } from './stdio-outbox.ts';

/** What is known of the program, for every process of it. */
export interface StdioGreeting {
  /** It speaks 2026-07-28 alone: from then on its processes take calls at once. */
  isModern: boolean;
}

export interface KnownAnswer {
  readonly line: Buffer;
  readonly idRange: ByteRange;
  /** Set when the answer opens a session. */
  readonly sessionId?: string;
}

type Answer = ServerMessage & { readonly kind: 'answer' };

export class StdioGreeter {
  readonly #greeting: StdioGreeting;
  readonly #outbox: Outbox;
  #handshake: Omit<KnownAnswer, 'sessionId'> | undefined;
  /** The process has refused the handshake, and is asked whether it needs one. */
  #isAskedAgain = false;
  #isDone = false;

  constructor(greeting: StdioGreeting, outbox: Outbox) {
    this.#greeting = greeting;
    this.#outbox = outbox;
  }

  /** The process takes calls. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** True when there is nothing to wait for. */
  begin(): boolean {
    this.#isDone = this.#greeting.isModern;
    if (this.#isDone) this.#outbox.open();
    else this.#outbox.writeFirst(INITIALIZE_LINE);
    return this.#isDone;
  }

  /** What the process has answered: it is ready, or is asked something else, or cannot be spoken with. */
  hear(line: Buffer, answer: Answer): 'ready' | 'asked' | 'refused' {
    if (!answer.isUsable) return 'refused';
    if (this.#isAskedAgain) return this.#hearRevision(line);
    if (!answer.isResult) return this.#askAgain(line);
    this.#handshake = { line: Buffer.from(line), idRange: answer.idRange };
    this.#outbox.writeFirst(INITIALIZED_LINE);
    this.#isDone = true;
    return 'ready';
  }

  /**
   * What a caller hears in the place of the process: it was initialised once, by us, so callers get the answer that it gave, with the revision
   * that it chose. One that knows no handshake understands nobody who has had one.
   */
  answerTo(call: SplicedCall): KnownAnswer | undefined {
    if (this.#greeting.isModern) return call.standsAlone ? undefined : MODERN_ONLY;
    if (this.#handshake === undefined || call.method !== 'initialize') return undefined;
    return { ...this.#handshake, sessionId: randomUUID() };
  }

  #askAgain(refusal: Buffer): 'asked' | 'refused' {
    if (!UNKNOWN_HANDSHAKE.has(errorCodeOf(refusal) ?? 0)) return 'refused';
    this.#isAskedAgain = true;
    this.#outbox.writeFirst(DISCOVER_LINE);
    return 'asked';
  }

  #hearRevision(line: Buffer): 'ready' | 'refused' {
    this.#isDone = modernIn(JSON.parse(line.toString('utf8'))) !== undefined;
    this.#greeting.isModern ||= this.#isDone;
    return this.#isDone ? 'ready' : 'refused';
  }
}

const idRange = findTopLevelValue(MODERN_ONLY_LINE, 'id');
assert(idRange !== undefined, 'our own line has an id');
const MODERN_ONLY: KnownAnswer = { line: MODERN_ONLY_LINE, idRange };

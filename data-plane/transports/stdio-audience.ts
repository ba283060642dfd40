/** The one client behind a child process: carries to its stream what belongs to no call, and knows which of the child's requests are open. */
import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import type { Refusal } from '../../shared/refusal.ts';
import { canonicalToken, readCancelled, STREAM_HEAD, toEvent } from './stdio-call.ts';
import type { StdioNoise } from './stdio-noise.ts';
import { replyTo, replyUnheard } from './stdio-lifecycle-lines.ts';
import type { StdioLimits } from './stdio-limits.ts';
import type { ChildMessage } from './stdio-message.ts';
import { blankLineBreaks } from './stdio-splice.ts';
import type { AnswerSink, UpstreamFlight } from './transport.ts';

export interface AudienceParts {
  /** Whose client it is. */
  readonly apiKeyId: string;
  readonly limits: Pick<StdioLimits, 'unheardMillis' | 'unheardMessagesMax' | 'unheardBytesMax' | 'openQuestionsMax'>;
  readonly noise: StdioNoise;
}

/** A message for the client, as an event. */
interface Told {
  readonly event: Buffer;
  /** Set for a request of the child. */
  readonly question?: { readonly token: string; readonly giveUp: () => void; readonly timer: NodeJS.Timeout };
}

const ID_START = /^["\d-]/;

export class StdioAudience {
  readonly sessionId = randomUUID();
  readonly apiKeyId: string;
  readonly #parts: AudienceParts;
  /** The stream that the client listens to; a message goes to one stream, so there is one at a time. */
  #sink: AnswerSink | undefined;
  #isPaused = false;
  #isOver = false;
  /** What came while nobody could hear it. */
  #unheard: Told[] = [];
  #unheardBytes = 0;
  /** Ids of the child's requests that the client has heard and not answered. */
  readonly #openQuestions = new Set<string>();

  constructor(parts: AudienceParts) {
    this.#parts = parts;
    this.apiKeyId = parts.apiKeyId;
  }

  get isListening(): boolean {
    return this.#sink !== undefined;
  }

  /** The client listens from now on, and hears first what it has missed. A stream of before ends, since its client may be long gone. */
  listen(sink: AnswerSink, onLeave: () => void): UpstreamFlight {
    this.#sink?.end();
    this.#sink = sink;
    this.#isPaused = false;
    sink.open(STREAM_HEAD);
    // Not before the flight is known to whoever must be able to cancel it while it hears.
    queueMicrotask(() => this.#catchUp());
    return {
      resume: () => {
        if (this.#sink !== sink) return;
        this.#isPaused = false;
        this.#catchUp();
      },
      cancel: () => {
        if (this.#sink !== sink) return;
        this.#sink = undefined;
        onLeave();
      },
    };
  }

  /** A notification of the child that belongs to no call. */
  notify(line: Buffer, method: string): void {
    if (!isUtf8(line)) this.#parts.noise.garbageLines++;
    else if (method === 'notifications/cancelled') this.#withdraw(line);
    // Its token is none of the client's: those that the child was given are ours.
    else if (method === 'notifications/progress') this.#parts.noise.droppedNotifications++;
    else if (!this.#tell({ event: toMessageEvent(line) })) this.#parts.noise.droppedNotifications++;
  }

  /** A request of the child; `say` takes the answer when it is not the client who gives it. */
  ask(line: Buffer, { method, idRange }: ChildMessage & { kind: 'request' }, say: (answer: Buffer) => void): void {
    const idToken = Buffer.from(line.subarray(idRange.start, idRange.end));
    const text = idToken.toString('utf8');
    // Whether the gateway is there is all that can be told for a client who does not listen.
    if (method === 'ping' && !this.#canHear) return say(replyTo(method, idToken));
    const refuse = (): void => {
      this.#parts.noise.refusedRequests++;
      say(replyUnheard(idToken));
    };
    if (!isUtf8(line) || !ID_START.test(text) || this.#openQuestions.size >= this.#parts.limits.openQuestionsMax) return refuse();
    const token = canonicalToken(text);
    const giveUp = (): void => {
      this.#dropUnheard(token);
      refuse();
    };
    const timer = setTimeout(giveUp, this.#parts.limits.unheardMillis);
    if (this.#tell({ event: toMessageEvent(line), question: { token, giveUp, timer } })) return;
    clearTimeout(timer);
    refuse();
  }

  /** Whether the client's response answers a request that is open; it is so only once. */
  closeQuestion(idToken: string): boolean {
    return this.#openQuestions.delete(canonicalToken(idToken));
  }

  /** The child is gone. With a refusal, the stream says why. */
  end(refusal: Refusal | undefined): void {
    this.#isOver = true;
    for (const { question } of this.#unheard) clearTimeout(question?.timer);
    this.#unheard = [];
    const sink = this.#sink;
    this.#sink = undefined;
    if (refusal === undefined) sink?.end();
    else sink?.fail(refusal);
  }

  get #canHear(): boolean {
    return this.#sink !== undefined && !this.#isPaused && this.#unheard.length === 0;
  }

  /** False when it can neither be heard nor wait. */
  #tell(told: Told): boolean {
    if (this.#isOver) return false;
    if (this.#canHear) {
      this.#deliver(told);
      return true;
    }
    const { unheardMessagesMax, unheardBytesMax } = this.#parts.limits;
    if (this.#unheard.length >= unheardMessagesMax || this.#unheardBytes + told.event.length > unheardBytesMax) return false;
    this.#unheard.push(told);
    this.#unheardBytes += told.event.length;
    return true;
  }

  #deliver({ event, question }: Told): void {
    if (question !== undefined) {
      clearTimeout(question.timer);
      this.#openQuestions.add(question.token);
    }
    if (this.#sink?.write(event) === false) this.#isPaused = true;
  }

  #catchUp(): void {
    while (this.#sink !== undefined && !this.#isPaused) {
      const told = this.#unheard.shift();
      if (told === undefined) return;
      this.#unheardBytes -= told.event.length;
      this.#deliver(told);
    }
  }

  /** The child no longer wants an answer: a client who has not heard the request need not hear that either. */
  #withdraw(line: Buffer): void {
    const cancelled = readCancelled(line);
    if (cancelled === undefined) return void this.#parts.noise.droppedNotifications++;
    const wasUnheard = this.#dropUnheard(cancelled.token);
    const wasHeard = !wasUnheard && this.#openQuestions.delete(cancelled.token);
    if (!wasHeard || !this.#tell({ event: toMessageEvent(line) })) this.#parts.noise.droppedNotifications++;
  }

  #dropUnheard(token: string): boolean {
    const found = this.#unheard.find(({ question }) => question?.token === token);
    if (found === undefined) return false;
    clearTimeout(found.question?.timer);
    this.#unheard = this.#unheard.filter((told) => told !== found);
    this.#unheardBytes -= found.event.length;
    return true;
  }
}

function toMessageEvent(line: Buffer): Buffer {
  return toEvent(blankLineBreaks(Buffer.from(line)));
}

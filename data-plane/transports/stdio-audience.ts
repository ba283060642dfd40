/** The one client behind a child process: carries to its stream what belongs to no call, and knows which of the child's requests are open. */
import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import type { Refusal } from '../../shared/refusal.ts';
import { EVENTS_HEAD, toEvent } from './answer-forms.ts';
import { canonicalToken, readCancelled } from './rpc-tokens.ts';
import type { StdioNoise } from './stdio-noise.ts';
import { replyTo, replyUnheard } from './lifecycle-lines.ts';
import type { StdioLimits } from './stdio-limits.ts';
import type { ServerMessage } from './server-message.ts';
import { blankLineBreaks } from './message-splice.ts';
import type { AnswerSink, UpstreamFlight } from './transport.ts';

export interface AudienceParts {
  /** Whose client it is. */
  readonly apiKeyId: string;
  readonly limits: Pick<StdioLimits, 'unheardMillis' | 'unheardMessagesMax' | 'unheardBytesMax' | 'openQuestionsMax'>;
  readonly noise: StdioNoise;
}

/** The child's end of the line. */
export interface Speaker {
  /** Gives the child an answer that is not its client's. */
  reply(answer: Buffer): void;
  /** Another way to the client for an event, while it has no stream of its own; false when there is none. */
  tellCaller(event: Buffer): boolean;
}

/** A message for the client, as an event. */
interface Told {
  readonly event: Buffer;
  /** Set for a request of the child. */
  readonly question?: { readonly token: string; readonly timer: NodeJS.Timeout };
}

/** A string or a number, and no longer than a client's answer may have it. */
const ANSWERABLE_ID = /^["\d-].{0,1023}$/;

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
    sink.open(EVENTS_HEAD);
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
  notify(line: Buffer, method: string, speaker: Speaker): void {
    if (!isUtf8(line)) this.#parts.noise.garbageLines++;
    else if (method === 'notifications/cancelled') this.#withdraw(line, speaker);
    // Its token is none of the client's: those that the child was given are ours.
    else if (method === 'notifications/progress') this.#parts.noise.droppedNotifications++;
    else if (!this.#tell({ event: toMessageEvent(line) }, speaker)) this.#parts.noise.droppedNotifications++;
  }

  /** A request of the child. */
  ask(line: Buffer, { method, idRange }: ServerMessage & { kind: 'request' }, speaker: Speaker): void {
    const idToken = Buffer.from(line.subarray(idRange.start, idRange.end));
    const text = idToken.toString('utf8');
    // Whether the gateway is there is all that can be told for a client who does not listen.
    if (method === 'ping' && !this.#canHear) return speaker.reply(replyTo(method, idToken));
    const refuse = (): void => {
      this.#parts.noise.refusedRequests++;
      speaker.reply(replyUnheard(idToken));
    };
    if (!isUtf8(line) || !ANSWERABLE_ID.test(text) || this.#openQuestions.size >= this.#parts.limits.openQuestionsMax) return refuse();
    const token = canonicalToken(text);
    const giveUp = (): void => {
      this.#dropUnheard(token);
      refuse();
    };
    const timer = setTimeout(giveUp, this.#parts.limits.unheardMillis);
    if (this.#tell({ event: toMessageEvent(line), question: { token, timer } }, speaker)) return;
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
  #tell(told: Told, speaker: Speaker): boolean {
    if (this.#isOver) return false;
    if (this.#canHear) {
      this.#deliver(told);
      return true;
    }
    // Most clients listen; of one that does not, the call under way may be all that it hears.
    if (this.#sink === undefined && speaker.tellCaller(told.event)) {
      this.#noteHeard(told);
      return true;
    }
    const { unheardMessagesMax, unheardBytesMax } = this.#parts.limits;
    if (this.#unheard.length >= unheardMessagesMax || this.#unheardBytes + told.event.length > unheardBytesMax) return false;
    this.#unheard.push(told);
    this.#unheardBytes += told.event.length;
    return true;
  }

  #deliver(told: Told): void {
    this.#noteHeard(told);
    if (this.#sink?.write(told.event) === false) this.#isPaused = true;
  }

  #noteHeard({ question }: Told): void {
    if (question === undefined) return;
    clearTimeout(question.timer);
    this.#openQuestions.add(question.token);
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
  #withdraw(line: Buffer, speaker: Speaker): void {
    const cancelled = readCancelled(line);
    if (cancelled === undefined) return void this.#parts.noise.droppedNotifications++;
    const wasUnheard = this.#dropUnheard(cancelled.token);
    const wasHeard = !wasUnheard && this.#openQuestions.delete(cancelled.token);
    if (!wasHeard || !this.#tell({ event: toMessageEvent(line) }, speaker)) this.#parts.noise.droppedNotifications++;
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

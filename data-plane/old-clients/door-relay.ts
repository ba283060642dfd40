/** Carries the answer to a message of an old client onto its stream, judged as every answer is. */
import { asRefusal, Refusal } from '../../shared/refusal.ts';
import type { RefusalReason } from '../../shared/refusals.ts';
import type { AllowedCall, Outcome } from '../evidence.ts';
import type { Exchange } from '../exchange.ts';
import type { Gateway } from '../gateway.ts';
import { AnswerGuard } from '../guardrails/answer-guard.ts';
import type { AnswerAllowance } from '../policies/answer-allowance.ts';
import type { Trail } from '../trail.ts';
import { blankLineBreaks } from '../transports/message-splice.ts';
import type { AnswerHead, AnswerSink, UpstreamFlight } from '../transports/transport.ts';
import { badAnswer } from '../transports/upstream-objections.ts';
import { awaitsAnswer, isAnswer } from './awaited-answer.ts';
import type { DoorCall, EventDoor } from './event-door.ts';
import { GuardedMessages } from './guarded-messages.ts';

/** A message that came through a door, and what is known of it. */
export interface PostedMessage {
  readonly door: EventDoor;
  readonly exchange: Exchange;
  readonly allowed: AllowedCall;
  readonly trail: Trail;
  /** How much of the answer is held for; undefined where no limit depends on its length. */
  readonly allowance: AnswerAllowance | undefined;
}

export class DoorRelay implements AnswerSink, DoorCall {
  readonly #clock: Gateway['clock'];
  readonly #posted: PostedMessage;
  readonly #messages: GuardedMessages;
  readonly #finish: (outcome: Outcome) => void;
  readonly #startedAt: number;
  #guard: AnswerGuard;
  /** The client waits for an answer, which has not come. */
  #isAwaited: boolean;
  #flight: UpstreamFlight | undefined;
  #timer: NodeJS.Timeout | undefined;
  #status = 0;
  #outputBytes = 0;
  #isOver = false;
  #isLeft = false;

  constructor(clock: Gateway['clock'], posted: PostedMessage, finish: (outcome: Outcome) => void) {
    this.#clock = clock;
    this.#posted = posted;
    this.#finish = finish;
    this.#startedAt = clock.elapsed();
    this.#guard = this.#newGuard();
    this.#messages = new GuardedMessages(this.#guard, posted.allowed.access.server.limits.eventBytesMax);
    this.#isAwaited = awaitsAnswer(posted.allowed.rpc.call);
    posted.door.enter(this);
  }

  /** Ties the relay to the flight that feeds it. */
  follow(flight: UpstreamFlight): void {
    this.#flight = flight;
    if (this.#isLeft) flight.cancel();
  }

  resume(): void {
    this.#flight?.resume();
  }

  /** There is nobody left to answer, and soon no session to work in. */
  leave(): void {
    if (this.#isOver) return;
    this.#isLeft = true;
    this.#flight?.cancel();
    this.#end(499, new Refusal('client_closed_request', 'client_gone'));
  }

  answer(head: AnswerHead, body: Buffer): void {
    if (this.#isOver) return;
    try {
      this.#noteHead(head);
      if (head.status === 404 && this.#posted.allowed.rpc.session !== undefined && !isAnswer(body)) throw forgotten();
      if (this.#isAwaited) this.#tellAnswer(this.#guard.judge(body));
      this.#end(head.status, undefined);
    } catch (error) {
      this.fail(error);
    }
  }

  open(head: AnswerHead): void {
    this.#noteHead(head);
  }

  write(chunk: Buffer): boolean {
    try {
      let hasRoom = true;
      for (const message of this.#messages.push(chunk)) hasRoom = this.#tell(message);
      return hasRoom;
    } catch (error) {
      this.fail(error);
      this.#flight?.cancel();
      return true;
    }
  }

  end(): void {
    const { lastEventId } = this.#messages;
    if (!this.#isAwaited) this.#end(this.#status, undefined);
    else if (lastEventId === undefined) this.#failUnanswered();
    else this.#comeBack(lastEventId);
  }

  /** The client is told when the books are closed. */
  fail(error: unknown): void {
    const refusal = asRefusal(error);
    this.#end(refusal.status, refusal);
  }

  /** The answer waits at the server, for a client that would ask for it; this one does not know how. */
  #comeBack(lastEventId: string): void {
    const { eventBytesMax, idleTimeoutMillis } = this.#posted.allowed.access.server.limits;
    this.#flight = this.#posted.door.comeBack(lastEventId, {
      eventBytesMax,
      newGuard: () => (this.#guard = this.#newGuard()),
      tell: (message) => {
        this.#posted.allowance?.require(this.#outputBytes + message.length);
        const hasRoom = this.#tell(message);
        if (this.#isAwaited) return hasRoom;
        // The stream might stay open for other messages, which are none of this call's.
        this.#flight?.cancel();
        this.#end(this.#status, undefined);
        return hasRoom;
      },
      condemn: (error) => this.fail(error),
      onRefused: () => this.#failUnanswered(),
    });
    this.#timer = setTimeout(() => {
      this.#flight?.cancel();
      this.#failUnanswered();
    }, idleTimeoutMillis).unref();
  }

  #newGuard(): AnswerGuard {
    const { allowed, trail } = this.#posted;
    return new AnswerGuard(allowed, trail);
  }

  #failUnanswered(): void {
    this.fail(this.#badAnswer('bad_answer', 'an event stream without the answer'));
  }

  /** A status alone tells a client nothing that reads only messages, and so does an error that is for no request. */
  #tellAnswer(body: Buffer): void {
    if (!isAnswer(body)) throw this.#badAnswer('bad_status', `status ${this.#status} and no answer`);
    this.#tell(blankLineBreaks(body));
  }

  #tell(message: Buffer): boolean {
    if (this.#isOver) return true;
    if (isAnswer(message)) this.#isAwaited = false;
    this.#outputBytes += message.length;
    return this.#posted.door.tell(message);
  }

  /** Only the answer to `initialize` opens a session; what an upstream sends elsewhere is its own affair. */
  #noteHead({ status, upstreamSessionId }: AnswerHead): void {
    this.#status = status;
    const { door, allowed } = this.#posted;
    const { message } = allowed.rpc;
    if (upstreamSessionId !== undefined && message?.method === 'initialize') door.begin(upstreamSessionId, message.value);
  }

  #badAnswer(reason: RefusalReason<'upstream_error'>, what: string): Refusal {
    return badAnswer(this.#posted.allowed.access.server, reason, what);
  }

  #end(status: number, failure: Refusal | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    const { door, allowed, exchange } = this.#posted;
    door.leave(this);
    if (failure === undefined && allowed.rpc.message?.method === 'notifications/initialized') door.ready(exchange);
    const upstreamMillis = this.#clock.elapsed() - this.#startedAt;
    this.#finish({ status, outputBytes: this.#outputBytes, upstreamMillis, isToolError: this.#guard.sawError, failure });
  }
}

/** As a server over any other transport says that it knows a session no more. */
function forgotten(): Refusal {
  return new Refusal('mcp_not_found', 'unknown_session', 'the server has forgotten this session; open another stream');
}

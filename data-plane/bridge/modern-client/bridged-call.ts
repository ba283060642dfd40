/** One call of a caller of revision 2026-07-28 that a server with sessions works on, through as many rounds of questions as it takes. */
import { asRefusal, Refusal } from '../../../shared/refusal.ts';
import type { RpcCall } from '../../mcp/rpc-call.ts';
import { applyEdits } from '../../transports/json-edits.ts';
import { findTopLevelValue, type ByteRange } from '../../transports/json-members.ts';
import type { ServerMessage } from '../../transports/server-message.ts';
import { badAnswer } from '../../transports/upstream-objections.ts';
import { readCancelled } from '../../transports/rpc-tokens.ts';
import type { AnswerHead, UpstreamFlight, UpstreamRequest } from '../../transports/transport.ts';
import type { BridgeSession, SessionCall } from './bridge-session.ts';
import { CallStream } from './call-stream.ts';
import { CallQuestions, ROUND_METHODS, type Question } from './call-questions.ts';
import type { CallerLine } from './caller-line.ts';
import { idTokenOf, progressTokenOf, toLegacyRequest } from './legacy-request.ts';
import { resultMessage, toModernAnswer } from './modern-answer.ts';
import type { LogLevel } from './modern-meta.ts';
import type { ParkedRounds } from './parked-rounds.ts';
import type { EarEvents } from './server-ear.ts';
import { codeIn, isLoudEnough, saysThereIsNoSession } from './server-words.ts';

export interface CallParts {
  readonly session: BridgeSession;
  readonly rounds: ParkedRounds<BridgedCall>;
  readonly request: UpstreamRequest;
  readonly call: RpcCall;
  readonly logLevel: LogLevel | undefined;
  /** The server does not know the session, and so has not done anything. Without this the caller is told. */
  readonly onForgotten: (() => void) | undefined;
}

/** The server's answer, whose id is not the caller's, or why there is none. */
type Outcome = { readonly bytes: Buffer; readonly idRange: ByteRange } | Refusal;

/** What a server asks in one breath is asked in one round, also when it does not arrive in one piece. */
const BREATH_MILLIS = 25;

export class BridgedCall implements SessionCall, EarEvents, UpstreamFlight {
  readonly #parts: CallParts;
  readonly #method: string;
  readonly id: number;
  /** Undefined while the caller is away to find answers. */
  #line: CallerLine | undefined;
  #idToken: string;
  /** Of its present request, like the id. */
  #progressToken: string | undefined;
  readonly #stream: CallStream;
  #outcome: Outcome | undefined;
  /** The server knows the session and may have begun to work, so the call must not be sent again. */
  #isTaken = false;
  readonly #questions = new CallQuestions();
  #isRoundDue = false;
  #isPaused = false;
  #isOver = false;

  constructor(parts: CallParts, line: CallerLine) {
    this.#parts = parts;
    this.#line = line;
    this.#method = parts.call.messages[0].method ?? '';
    this.#idToken = idTokenOf(parts.call);
    this.#progressToken = progressTokenOf(parts.call);
    this.id = parts.session.link.nextId();
    this.#stream = new CallStream(parts.session.link, this);
  }

  /** Every ending reaches the caller. */
  async start(): Promise<void> {
    const { session, request, call, logLevel } = this.#parts;
    session.begin(this);
    try {
      await session.tellLogs(logLevel);
      if (ROUND_METHODS.has(this.#method)) await session.hearQuestions();
      if (!this.#isOver) this.#stream.start(request, toLegacyRequest(call, this.id));
    } catch (error) {
      this.onFail(asRefusal(error));
    }
  }

  get isParked(): boolean {
    return this.#line === undefined;
  }

  ask(question: Question): boolean {
    this.#isTaken = true;
    const { rounds, request } = this.#parts;
    if (!ROUND_METHODS.has(this.#method) || !rounds.hasRoomFor(request.apiKeyId) || !this.#questions.add(question)) return false;
    this.#planRound();
    return true;
  }

  /** The caller is back with answers: the server gets them, and the caller waits on another line. */
  comeBack(line: CallerLine, retry: RpcCall): void {
    this.#line = line;
    this.#idToken = idTokenOf(retry);
    this.#progressToken = progressTokenOf(retry);
    this.resume();
    const answers = this.#questions.takeAnswers(retry.bytes);
    if (this.#outcome !== undefined) return this.#deliver(line, this.#outcome);
    for (const answer of answers) void this.#answer(answer);
    // What was not answered, or has been asked meanwhile, is asked again.
    if (this.#questions.size > 0) this.#planRound();
  }

  hearNotification(bytes: Buffer, method: string): void {
    const { session, logLevel } = this.#parts;
    switch (method) {
      case 'notifications/message':
        if (logLevel !== undefined && isLoudEnough(bytes, logLevel)) this.#tell(bytes);
        return;
      case 'notifications/cancelled':
        return this.#questions.withdraw(readCancelled(bytes)?.token ?? 'null');
      default:
        // Streams of calls carry nothing else in this revision.
        session.listeners.notify(bytes, method);
    }
  }

  hearProgress(bytes: Buffer, tokenRange: ByteRange): void {
    if (this.#progressToken !== undefined) this.#tell(applyEdits(bytes, [{ ...tokenRange, text: this.#progressToken }]));
  }

  onOpen(): void {
    this.#isTaken = true;
  }

  onMessage(bytes: Buffer, message: ServerMessage): void {
    if (this.#isOver) return;
    switch (message.kind) {
      case 'answer':
        if (message.id === this.id) this.#settle(this.#outcomeOf(bytes, message));
        return;
      case 'request':
        return this.#parts.session.hearRequest(bytes, message, this);
      case 'progress':
        return this.#parts.session.hearProgress(bytes, message);
      case 'notification':
        return this.hearNotification(bytes, message.method);
      case 'noise':
    }
  }

  /** Errors of the way, such as that of a session that is not known, may have no id. */
  onRefused({ status }: AnswerHead, body: Buffer): void {
    if (this.#isOver) return;
    if (saysThereIsNoSession(status, body) && this.#startsOver()) return;
    const idRange = codeIn(body) === undefined ? undefined : findTopLevelValue(body, 'id');
    this.#settle(idRange === undefined ? this.#badAnswer(`status ${status}`) : { bytes: body, idRange });
  }

  onEnd(): void {
    if (!this.#isOver) this.#settle(this.#badAnswer('an event stream without the answer'));
  }

  onFail(refusal: Refusal): void {
    if (this.#isOver) return;
    const isForgotten = refusal.reason === 'unknown_session' || refusal.facts.upstreamStatus === 404;
    if (!isForgotten || !this.#startsOver()) this.#settle(refusal);
  }

  hasRoom(): boolean {
    return !this.#isPaused;
  }

  resume(): void {
    this.#isPaused = false;
    this.#stream.resume();
  }

  /** Nobody waits any longer: the server is told, since for it a lost connection is no word of that. */
  cancel(): void {
    if (this.#isOver) return;
    this.#finish();
    this.#parts.session.cancel(this.id);
    this.#stream.cancel();
  }

  #outcomeOf(bytes: Buffer, { isUsable, idRange }: ServerMessage & { kind: 'answer' }): Outcome {
    const { server, responseBytesMax } = this.#parts.request;
    // A stream that was taken up again is not measured on its way.
    if (bytes.length > responseBytesMax) return badAnswer(server, 'response_too_large', `more than ${responseBytesMax} bytes`);
    return isUsable ? { bytes, idRange } : this.#badAnswer('neither a result nor an error');
  }

  #tell(bytes: Buffer): void {
    if (this.#line?.tell(bytes) === false) this.#isPaused = true;
  }

  #planRound(): void {
    if (this.#isRoundDue) return;
    this.#isRoundDue = true;
    setTimeout(() => {
      this.#isRoundDue = false;
      if (this.#line !== undefined && this.#outcome === undefined && !this.#isOver && this.#questions.size > 0) this.#beginRound(this.#line);
    }, BREATH_MILLIS);
  }

  #beginRound(line: CallerLine): void {
    const { rounds, request, call, session } = this.#parts;
    const state = rounds.park(this, request, call.messages[0]);
    this.#line = undefined;
    const members = `"resultType":"input_required","inputRequests":${this.#questions.toInputRequests()},"requestState":${JSON.stringify(state)}`;
    line.answer({ status: 200, message: resultMessage({ idToken: this.#idToken, method: this.#method, serverInfo: session.serverInfo }, members) });
  }

  /** A server that does not take an answer would wait for it for ever. */
  async #answer(answer: Buffer): Promise<void> {
    try {
      const { head } = await this.#parts.session.link.ask(answer);
      if (head.status >= 400) throw this.#badAnswer(`status ${head.status} to the answer of its client`);
    } catch (error) {
      this.onFail(asRefusal(error));
      this.#stream.cancel();
    }
  }

  #startsOver(): boolean {
    const { onForgotten } = this.#parts;
    if (onForgotten === undefined || this.#isTaken) return false;
    this.#finish();
    onForgotten();
    return true;
  }

  /** An answer that comes while the caller is away waits for it. */
  #settle(outcome: Outcome): void {
    this.#outcome = outcome;
    this.#finish();
    if (this.#line !== undefined) this.#deliver(this.#line, outcome);
  }

  #deliver(line: CallerLine, outcome: Outcome): void {
    if (outcome instanceof Refusal) return line.fail(outcome);
    const terms = { idToken: this.#idToken, method: this.#method, serverInfo: this.#parts.session.serverInfo };
    const answer = toModernAnswer(outcome.bytes, outcome.idRange, terms);
    if (answer === undefined) return line.fail(this.#badAnswer('neither a result nor an error'));
    line.answer(answer);
  }

  #badAnswer(what: string): Refusal {
    return badAnswer(this.#parts.request.server, 'bad_answer', what);
  }

  /** The server has nothing more to do with the call. */
  #finish(): void {
    this.#isOver = true;
    this.#parts.session.finish(this);
  }
}

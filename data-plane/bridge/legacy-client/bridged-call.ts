/** One request of a client with sessions on a server without: it goes up in other words, and up again for each round of questions. */
import { randomUUID } from 'node:crypto';
import { asRefusal, Refusal } from '../../../shared/refusal.ts';
import { errorCodeOf } from '../../mcp/rpc-error.ts';
import { readRpcCall } from '../../mcp/read-rpc-call.ts';
import type { RpcMessage } from '../../mcp/rpc-call.ts';
import { EVENTS_HEAD, toEvent } from '../../transports/answer-forms.ts';
import { blankLineBreaks } from '../../transports/message-splice.ts';
import type { AnswerHead, AnswerSink, Transport, UpstreamFlight, UpstreamRequest } from '../../transports/transport.ts';
import { badAnswer } from '../../transports/upstream-objections.ts';
import { AttemptReader, type AttemptListener } from './attempt-reader.ts';
import type { ClientQuestions } from './client-questions.ts';
import type { ClientWords } from './modern-request.ts';
import { LANDED } from '../../transports/late-flight.ts';
import type { ParameterHeaders } from './parameter-headers.ts';
import { answeringMessage, askingMessage, readRound, unanswerable, type Question, type Round } from './round.ts';
import { withMember } from './with-member.ts';

export interface BridgedCallParts {
  readonly inner: Pick<Transport, 'send'>;
  /** As it goes up. */
  readonly request: UpstreamRequest;
  readonly message: RpcMessage;
  readonly sink: AnswerSink;
  readonly words: ClientWords;
  readonly parameters: ParameterHeaders;
  /** Undefined for a caller without a session, who cannot be asked. */
  readonly questions: ClientQuestions | undefined;
  /** Called once, when the call is over in any way. */
  readonly onEnd: (call: BridgedCall) => void;
}

const HEADER_MISMATCH = -32_020;
const ROUNDS_MAX = 20;
/** As long as a call over HTTP may take in all: a person may have to be asked. */
const ROUNDS_MILLIS_MAX = 3_600_000;

export class BridgedCall implements UpstreamFlight, AttemptListener {
  readonly #parts: BridgedCallParts;
  readonly #over = new AbortController();
  #flight: UpstreamFlight = LANDED;
  #attempts = 0;
  #rounds = 0;
  #deadline: NodeJS.Timeout | undefined;
  #hasLearned = false;
  #isOpen = false;

  constructor(parts: BridgedCallParts) {
    this.#parts = parts;
  }

  get idToken(): string | undefined {
    return this.#parts.message.idToken;
  }

  start(): void {
    this.#attempt(this.#withParameters());
  }

  resume(): void {
    this.#flight.resume();
  }

  cancel(): void {
    if (this.#end()) this.#flight.cancel();
  }

  opened(head: AnswerHead): void {
    if (!this.#isOver) this.#open(head);
  }

  heard(event: Buffer): boolean {
    return this.#isOver || this.#parts.sink.write(event);
  }

  answered(head: AnswerHead, json: Buffer, event: Buffer | undefined): void {
    if (this.#isOver) return;
    try {
      if (head.status >= 400) return this.#answeredError(head, json);
      if (json.length === 0) throw badAnswer(this.#parts.request.server, 'bad_answer', 'nothing');
      const round = readRound(json);
      if (round !== undefined) this.#goOn(this.#nextRound(round));
      else if (this.#rounds === 0) this.#finish(head, json, event);
      else this.#finish(head, this.#underCallersId(json), undefined);
    } catch (error) {
      this.failed(asRefusal(error));
    }
  }

  failed(refusal: Refusal): void {
    if (!this.#end()) return;
    this.#flight.cancel();
    this.#parts.sink.fail(refusal);
  }

  get #isOver(): boolean {
    return this.#over.signal.aborted;
  }

  #attempt(request: UpstreamRequest): void {
    // Its caller may have left while something was asked for it.
    if (this.#isOver) return;
    const { inner } = this.#parts;
    const number = ++this.#attempts;
    const flight = inner.send(request, new AttemptReader(this, request.server, request.responseBytesMax));
    // One that was answered at once may have been followed by another already.
    if (number === this.#attempts) this.#flight = flight;
    if (this.#isOver) flight.cancel();
  }

  #withParameters(): UpstreamRequest {
    const { request, message, parameters } = this.#parts;
    return { ...request, forwardedHeaders: [...request.forwardedHeaders, ...parameters.headersFor(request, message)] };
  }

  /** The eras with sessions tell errors by the body alone. An error without an id is this call's, too. */
  #answeredError(head: AnswerHead, json: Buffer): void {
    const { request, message, parameters, words } = this.#parts;
    const code = errorCodeOf(json);
    if (code === undefined) throw badAnswer(request.server, 'bad_status', `status ${head.status}`);
    if (code !== HEADER_MISMATCH || message.method !== 'tools/call' || this.#hasLearned) {
      return this.#finish({ ...head, status: 200 }, this.#underCallersId(json), undefined);
    }
    // The call was not executed: the server wants arguments in headers, and tells which in its list of tools.
    this.#hasLearned = true;
    const learned = parameters.learn(request, words);
    this.#goOn(learned.then(() => this.#attempt(this.#withParameters())));
  }

  async #nextRound(round: Round): Promise<void> {
    const { request, questions } = this.#parts;
    if (++this.#rounds > ROUNDS_MAX) throw unanswerable('the server does not come to an end of its questions');
    if (round.questions.length > 0 && (questions === undefined || !request.acceptsEventStream)) {
      throw unanswerable('the server has a question, which needs a session and a caller that takes event streams');
    }
    this.#deadline ??= setTimeout(
      () => this.failed(new Refusal('upstream_timeout', 'total_timeout', 'the call did not come to its end in time')),
      ROUNDS_MILLIS_MAX,
    );
    const answers = await Promise.all(round.questions.map((question) => this.#ask(question)));
    if (request.call === undefined) return;
    const idToken = `"turnpike-${randomUUID()}"`;
    const again = this.#withParameters();
    this.#attempt({ ...again, call: readRpcCall(answeringMessage(request.call.bytes, idToken, new Map(answers), round)) });
  }

  async #ask(question: Question): Promise<[string, Buffer]> {
    const { questions, words, sink } = this.#parts;
    const { method, capability } = question;
    if (questions === undefined || !isDeclared(words.capabilities, capability)) throw unanswerable(`the client has not declared ${capability.join('.')}`);
    const tell = (idToken: string) => {
      this.#open(EVENTS_HEAD);
      sink.write(toEvent(blankLineBreaks(askingMessage(question, idToken))));
    };
    const answer = await questions.ask(tell, this.#over.signal);
    if (answer !== undefined) return [question.key, answer];
    // There is no word for an error in the other direction, but one for a person who does not choose.
    if (method === 'elicitation/create') return [question.key, Buffer.from('{"action":"cancel"}')];
    throw unanswerable(`the client answered ${method} with an error`);
  }

  #goOn(further: Promise<void>): void {
    further.catch((error: unknown) => this.failed(asRefusal(error)));
  }

  #finish(head: AnswerHead, json: Buffer, event: Buffer | undefined): void {
    const { sink, request } = this.#parts;
    if (!this.#end()) return;
    if (!this.#isOpen && request.acceptsJson) return sink.answer(forCaller({ ...head, contentType: 'application/json' }), json);
    this.#open(EVENTS_HEAD);
    sink.write(event ?? toEvent(blankLineBreaks(json)));
    sink.end();
  }

  #underCallersId(answer: Buffer): Buffer {
    const { idToken } = this.#parts.message;
    return idToken === undefined ? answer : withMember(answer, 'id', idToken);
  }

  #open(head: AnswerHead): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#parts.sink.open(forCaller(head));
  }

  /** False when the call was over already. */
  #end(): boolean {
    if (this.#isOver) return false;
    clearTimeout(this.#deadline);
    this.#over.abort(new Refusal('client_closed_request', 'client_gone'));
    this.#parts.onEnd(this);
    return true;
  }
}

/** What the server says of revision and session is not meant for this caller. */
function forCaller(head: AnswerHead): AnswerHead {
  const headers = head.headers.filter((_, at) => head.headers[at - (at % 2)] !== 'mcp-protocol-version');
  return { ...head, upstreamSessionId: undefined, headers };
}

function isDeclared(capabilities: Readonly<Record<string, unknown>>, path: readonly string[]): boolean {
  let at: unknown = capabilities;
  for (const name of path) at = typeof at === 'object' && at !== null ? new Map<string, unknown>(Object.entries(at)).get(name) : undefined;
  return at !== undefined;
}

/** Speaks MCP with one child process, with ids of our own, so that no answer can go astray however many callers share it. */
import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.ts';
import { Refusal } from '../../shared/refusal.ts';
import type { RpcMessage } from '../mcp/rpc-call.ts';
import type { StdioAudience } from './stdio-audience.ts';
import { CallsUnderWay } from './calls-under-way.ts';
import { SplicedCall } from './spliced-call.ts';
import { readServerMessage, type ServerMessage } from './server-message.ts';
import { HANDSHAKE_ID, replyTo, toCancelledLine } from './lifecycle-lines.ts';
import { StdioGreeter, type StdioGreeting } from './stdio-greeter.ts';
import type { StdioNoise } from './stdio-noise.ts';
import { describeEnding, StdioProcess, type ChildEnding, type ChildProgram, type ProcessParts } from './stdio-process.ts';
import { spliceRequest } from './message-splice.ts';
import type { AnswerSink, UpstreamFlight, UpstreamRequest } from './transport.ts';

export interface ChildParts extends ProcessParts {
  readonly slug: string;
  readonly clock: Clock;
  /** The one client that the child speaks with, and whose `initialize` is the first call; without, we initialise it ourselves. */
  readonly audience?: StdioAudience;
  readonly noise: StdioNoise;
  readonly greeting: StdioGreeting;
  /** The child has ended; `isDeath` when nobody had asked it to. Its calls fail once this returns. */
  readonly onEnd: (child: StdioChild, isDeath: boolean) => void;
  /** The last call has ended. */
  readonly onIdle: (child: StdioChild) => void;
  /** Its client never came to have a session, so the child is of no use. */
  readonly onUnwanted: (child: StdioChild) => void;
}

type Answer = ServerMessage & { readonly kind: 'answer' };

export class StdioChild {
  readonly #process: StdioProcess;
  readonly #parts: ChildParts;
  readonly #log: Logger;
  readonly #calls = new CallsUnderWay();
  readonly #greeter: StdioGreeter;
  readonly #startTimer: NodeJS.Timeout;
  #lastUsedMillis: number;
  #isAskedToEnd = false;
  /** Why the calls fail when the process ends, where we know better than its exit code. */
  #verdict: Refusal | undefined;

  /** Starts the process. Throws a refusal when it cannot be started. */
  constructor(program: ChildProgram, parts: ChildParts) {
    this.#parts = parts;
    this.#process = new StdioProcess(program, parts, {
      onLine: (line) => this.#read(line),
      onLineTooLong: () => this.#condemn('stdio_protocol', `wrote a line of more than ${parts.limits.lineBytesMax} bytes`),
      onEnd: (ending) => this.#end(ending),
    });
    this.#log = parts.log.child({ server: parts.slug, childPid: this.#process.pid });
    this.#lastUsedMillis = parts.clock.elapsed();
    this.#startTimer = setTimeout(() => this.#condemn('stdio_unavailable', 'did not answer initialize in time'), parts.limits.startTimeoutMillis);
    this.#greeter = new StdioGreeter(parts.greeting, this.#process.outbox);
    if (parts.audience === undefined && this.#greeter.begin()) clearTimeout(this.#startTimer);
    this.#log.debug('a STDIO server starts');
  }

  get audience(): StdioAudience | undefined {
    return this.#parts.audience;
  }

  get isIdle(): boolean {
    return this.#calls.size === 0 && this.audience?.isListening !== true;
  }

  get lastUsedMillis(): number {
    return this.#lastUsedMillis;
  }

  get inFlight(): number {
    return this.#calls.working;
  }

  get takesCalls(): boolean {
    return !this.#process.isEnding && this.#verdict === undefined;
  }

  get gone(): Promise<void> {
    return this.#process.gone;
  }

  /** Sends a request; every ending arrives at the sink. */
  call(request: UpstreamRequest, message: RpcMessage, bytes: Buffer, sink: AnswerSink): UpstreamFlight {
    this.noteUse();
    const isIntroduction = message.method === 'initialize' && this.audience !== undefined;
    const id = isIntroduction ? HANDSHAKE_ID : this.#calls.nextId();
    const call = new SplicedCall({
      id,
      request,
      message,
      bytes,
      sink,
      abandon: (abandoned) => this.#abandon(abandoned),
      timeoutMillis: request.server.limits.totalTimeoutMillis,
    });
    this.#calls.add(call);
    if (isIntroduction) {
      this.#process.outbox.writeFirst(spliceRequest(bytes, message, id));
    } else if (!this.#answerInPlace(call) && message.method !== 'initialize' && !this.#process.outbox.push(spliceRequest(bytes, message, call.id))) {
      this.#drop(call);
      call.fail(new Refusal('stdio_error', 'stdio_overloaded', `server ${this.#parts.slug} reads more slowly than it is written to`));
    }
    return call;
  }

  /** The child was of use until now. */
  noteUse(): void {
    this.#lastUsedMillis = this.#parts.clock.elapsed();
  }

  /** Passes on a line of the client that is no request. False when the child reads too slowly to be told. */
  say(line: Buffer): boolean {
    this.noteUse();
    return this.#process.outbox.push(line);
  }

  /** Answers the child in its client's place, which is no use of the session: a child that pings would live for ever. */
  reply(line: Buffer): void {
    this.#process.outbox.push(line);
  }

  /** Tells the client on the stream of the call that the child works on, when there is exactly one it could be about. */
  tellCaller(event: Buffer): boolean {
    const [only, ...more] = this.#calls.values();
    return only !== undefined && more.length === 0 && only.method !== 'initialize' && only.tell(event);
  }

  /** The one call that a caller's `notifications/cancelled` means; undefined when there is none or more than one. */
  findCall(canceller: UpstreamRequest, requestIdToken: string): SplicedCall | undefined {
    return this.#calls.meantBy(canceller, requestIdToken);
  }

  /** Passes a line of a caller on that belongs to a call which thereby ends. */
  endCall(call: SplicedCall, line: Buffer, refusal: Refusal): void {
    this.#drop(call);
    this.#process.outbox.push(line);
    call.fail(refusal);
  }

  /** Ends the child; calls that are still under way fail with the refusal. Resolves when nothing of it is left. */
  stop(refusal: Refusal): Promise<void> {
    this.#isAskedToEnd = true;
    this.#failAll(refusal);
    return this.#process.stop();
  }

  #read(line: Buffer): void {
    const message = readServerMessage(line);
    const { noise, audience } = this.#parts;
    switch (message.kind) {
      case 'answer':
        return this.#readAnswer(line, message);
      case 'progress':
        if (this.#calls.get(message.token)?.progress(line, message.tokenRange) !== true) noise.droppedNotifications++;
        return;
      case 'request':
        if (audience !== undefined) return audience.ask(line, message, this);
        if (message.method !== 'ping') noise.refusedRequests++;
        return this.reply(replyTo(message.method, line.subarray(message.idRange.start, message.idRange.end)));
      case 'notification':
        if (audience !== undefined) return audience.notify(line, message.method, this);
        if (!this.#calls.announce(line)) noise.droppedNotifications++;
        return;
      case 'noise':
        if (line.length > 0) noise.garbageLines++;
    }
  }

  #readAnswer(line: Buffer, answer: Answer): void {
    const call = this.#calls.get(answer.id);
    if (answer.id === HANDSHAKE_ID && call !== undefined) return this.#introduce(call, line, answer);
    if (answer.id === HANDSHAKE_ID && !this.#greeter.isDone && this.audience === undefined) return this.#greet(line, answer);
    if (call === undefined || call.method === 'initialize') {
      this.#parts.noise.unmatchedAnswers++;
      return;
    }
    this.#drop(call);
    if (answer.isUsable) call.answer(line, answer.idRange);
    else call.fail(new Refusal('upstream_error', 'bad_answer', `server ${this.#parts.slug} answered with neither a result nor an error`));
  }

  /** The child has answered its client's own `initialize`. A refusal is the client's to read, and no fault of the child. */
  #introduce(call: SplicedCall, line: Buffer, answer: Answer): void {
    if (!answer.isUsable) return this.#condemn('stdio_protocol', 'answered initialize with neither a result nor an error');
    clearTimeout(this.#startTimer);
    this.#drop(call);
    call.answer(line, answer.idRange, answer.isResult ? this.audience?.sessionId : undefined);
    if (answer.isResult) this.#process.outbox.open();
    else this.#parts.onUnwanted(this);
  }

  #greet(line: Buffer, answer: Answer): void {
    const state = this.#greeter.hear(line, answer);
    if (state === 'refused') return this.#condemn('stdio_protocol', 'refused to be initialised');
    if (state === 'asked') return;
    clearTimeout(this.#startTimer);
    this.#process.outbox.open();
    for (const call of this.#calls.values()) this.#answerInPlace(call);
  }

  /** Where the greeting has said all that there is to say; false for what the child itself must answer. */
  #answerInPlace(call: SplicedCall): boolean {
    const known = this.#greeter.answerTo(call);
    if (known === undefined) return false;
    this.#drop(call);
    call.answer(known.line, known.idRange, known.sessionId);
    return true;
  }

  #abandon(call: SplicedCall): void {
    if (!this.#drop(call)) return;
    if (call.id === HANDSHAKE_ID) this.#parts.onUnwanted(this);
    else if (call.method !== 'initialize') this.#process.outbox.push(toCancelledLine(call.id));
  }

  #drop(call: SplicedCall): boolean {
    const wasThere = this.#calls.remove(call);
    this.noteUse();
    if (wasThere && this.inFlight === 0) this.#parts.onIdle(this);
    return wasThere;
  }

  /** The child cannot be trusted any longer. Its calls fail at once, and its end counts as a death. */
  #condemn(reason: 'stdio_protocol' | 'stdio_unavailable', what: string): void {
    this.#verdict = new Refusal('stdio_error', reason, `the process of server ${this.#parts.slug} ${what}`);
    this.#process.kill();
    this.#failAll(this.#verdict);
  }

  #end(ending: ChildEnding): void {
    clearTimeout(this.#startTimer);
    const how = describeEnding(ending);
    this.#log[this.#isAskedToEnd ? 'debug' : 'warn']({ how }, 'a STDIO server has ended');
    if (ending.stderr !== '') this.#log.debug({ stderr: ending.stderr }, 'the last words of a STDIO server');
    this.#parts.onEnd(this, !this.#isAskedToEnd);
    this.#failAll(new Refusal('stdio_error', 'stdio_exited', `the process of server ${this.#parts.slug} ${how} before it answered`));
  }

  #failAll(refusal: Refusal): void {
    this.#calls.failAll(refusal);
    this.audience?.end(this.#isAskedToEnd ? undefined : refusal);
  }
}

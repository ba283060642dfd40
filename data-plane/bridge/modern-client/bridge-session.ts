/** One session of the bridge's with a server, which callers of one key with the same capabilities share: its calls, its questions, its log level. */
import type { Logger } from 'pino';
import type { ServerMessage } from '../../transports/server-message.ts';
import { findTopLevelValue, type ByteRange } from '../../transports/json-members.ts';
import type { Question } from './call-questions.ts';
import { Listeners } from './listeners.ts';
import { errorMessage, RPC_CODES } from './modern-answer.ts';
import { LOG_LEVELS, type LogLevel } from './modern-meta.ts';
import { SessionStream } from './session-stream.ts';
import type { SessionLink } from './session-link.ts';

/** A call on which the server works. */
export interface SessionCall {
  /** By which the server knows it; also its progress token. */
  readonly id: number;
  /** False when the caller cannot be asked. */
  ask(question: Question): boolean;
  /** Whether the caller must come back before the server can go on. */
  readonly isParked: boolean;
  hearNotification(bytes: Buffer, method: string): void;
  /** The range is where the token stands. */
  hearProgress(bytes: Buffer, tokenRange: ByteRange): void;
}

export interface SessionParts {
  readonly link: SessionLink;
  /** What was declared in the callers' name. */
  readonly capabilities: Readonly<Record<string, unknown>>;
  /** The server has one channel for everything, so that its questions do not tell which call they are about. */
  readonly hasOneChannel: boolean;
  readonly log: Logger;
  readonly idleMillis: number;
  /** Nothing may be begun on the session any longer. */
  readonly onOver: () => void;
}

const LIST_NOTIFICATION = /^notifications\/(?:(?:tools|prompts|resources)\/list_changed|resources\/updated)$/;
const CAPABILITY_OF: ReadonlyMap<string, string> = new Map([
  ['sampling/createMessage', 'sampling'],
  ['elicitation/create', 'elicitation'],
  ['roots/list', 'roots'],
]);

export class BridgeSession {
  readonly link: SessionLink;
  readonly listeners: Listeners;
  /** JSON. */
  readonly serverInfo: string;
  readonly #parts: SessionParts;
  readonly #calls = new Set<SessionCall>();
  readonly #stream: SessionStream;
  readonly #idleTimer: NodeJS.Timeout;
  #logLevel: LogLevel | undefined;
  #isRetired = false;
  #isOver = false;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.link = parts.link;
    this.serverInfo = JSON.stringify(parts.link.greeting.serverInfo);
    this.listeners = new Listeners(parts.link, parts.log, { hear: () => this.#stream.open(), onLeft: () => this.#noteEnd() });
    this.#stream = new SessionStream(parts.link, { onMessage: (bytes, message) => this.#hear(bytes, message), onLost: () => this.listeners.close() });
    this.#idleTimer = setTimeout(() => (this.isIdle ? void this.end() : this.#idleTimer.refresh()), parts.idleMillis).unref();
  }

  get isIdle(): boolean {
    return this.#calls.size === 0 && this.listeners.size === 0;
  }

  /** Servers may ask on the stream that belongs to no call, so it must be heard before they may. */
  async hearQuestions(): Promise<void> {
    if (!this.#canBeAsked) return;
    try {
      await this.#stream.open();
    } catch (error) {
      // Most servers ask on the stream of the call.
      this.#parts.log.debug({ err: error }, 'the stream of a server cannot be heard');
    }
  }

  begin(call: SessionCall): void {
    this.#calls.add(call);
  }

  finish(call: SessionCall): void {
    this.#calls.delete(call);
    this.#noteEnd();
  }

  /** Asks for logs of this level at least; the session is shared, so whoever wants less is told less by the bridge. */
  async tellLogs(level: LogLevel | undefined): Promise<void> {
    if (level === undefined || this.link.greeting.capabilities['logging'] === undefined) return;
    if (this.#logLevel !== undefined && LOG_LEVELS.indexOf(this.#logLevel) <= LOG_LEVELS.indexOf(level)) return;
    const before = this.#logLevel;
    this.#logLevel = level;
    try {
      await this.link.ask({ jsonrpc: '2.0', id: this.link.nextId(), method: 'logging/setLevel', params: { level } });
    } catch (error) {
      this.#logLevel = before;
      throw error;
    }
  }

  /** A request of the server's, heard on the stream of a call or on the one that belongs to none. */
  hearRequest(bytes: Buffer, { method, idRange }: ServerMessage & { kind: 'request' }, heardOn: SessionCall | undefined): void {
    const idToken = bytes.toString('utf8', idRange.start, idRange.end);
    if (method === 'ping') return this.#say(Buffer.from(`{"jsonrpc":"2.0","id":${idToken},"result":{}}`));
    const capability = CAPABILITY_OF.get(method);
    const isDeclared = capability !== undefined && this.#parts.capabilities[capability] !== undefined;
    const range = findTopLevelValue(bytes, 'params');
    const params = range === undefined ? undefined : bytes.toString('utf8', range.start, range.end);
    if (isDeclared && this.#callMeantBy(heardOn)?.ask({ method, idToken, params }) === true) return;
    this.#say(errorMessage(idToken, RPC_CODES.methodNotFound, 'the client cannot be asked this'));
  }

  /** Progress names its call, on whatever stream it is heard. */
  hearProgress(bytes: Buffer, { token, tokenRange }: ServerMessage & { kind: 'progress' }): void {
    for (const call of this.#calls) if (call.id === token) call.hearProgress(bytes, tokenRange);
  }

  /** Tells the server that nobody waits for the call of that id. */
  cancel(requestId: number): void {
    this.#say({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId, reason: 'the caller no longer waits' } });
  }

  /** Ends when the last call and the last listener have. */
  retire(): void {
    this.#isRetired = true;
    this.#noteEnd();
  }

  /** The server knows the session no more: whoever listens starts over. */
  lose(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#idleTimer);
    this.#parts.onOver();
    this.#stream.close();
    this.listeners.close();
  }

  /** Resolves when the server has been told. */
  end(): Promise<void> {
    if (this.#isOver) return Promise.resolve();
    this.lose();
    return this.link.end();
  }

  get #canBeAsked(): boolean {
    return Object.keys(this.#parts.capabilities).length > 0;
  }

  /** On the stream that belongs to no call. */
  #hear(bytes: Buffer, message: ServerMessage): void {
    if (message.kind === 'request') return this.hearRequest(bytes, message, undefined);
    if (message.kind === 'progress') return this.hearProgress(bytes, message);
    if (message.kind !== 'notification') return;
    if (LIST_NOTIFICATION.test(message.method)) return this.listeners.notify(bytes, message.method);
    this.#callMeantBy(undefined)?.hearNotification(bytes, message.method);
  }

  /** Where nothing else tells, it is the only call, or the only one on which the server can work: others wait for their callers' answers. */
  #callMeantBy(heardOn: SessionCall | undefined): SessionCall | undefined {
    if (heardOn !== undefined && !this.#parts.hasOneChannel) return heardOn;
    const calls = this.#calls.size === 1 ? [...this.#calls] : [...this.#calls].filter(({ isParked }) => !isParked);
    return calls.length === 1 ? calls[0] : undefined;
  }

  #say(message: object): void {
    this.link.ask(message).catch((error: unknown) => this.#parts.log.debug({ err: error }, 'a server did not take what it was told'));
  }

  #noteEnd(): void {
    this.#idleTimer.refresh();
    // A stream of one channel costs nothing to open again, and keeps what is behind it from giving way.
    if (this.isIdle && (this.#parts.hasOneChannel || !this.#canBeAsked)) this.#stream.close();
    if (this.#isRetired && this.isIdle) void this.end();
  }
}

/** One session of the era that begins with `initialize`: what was agreed, what is open, and what the client has yet to answer. */
import { randomUUID } from 'node:crypto';
import { announce, onAnnouncement } from './announcements.ts';
import { CAPABILITIES, LEGACY_REVISIONS, LOG_LEVELS, SERVER_INFO } from './capabilities.ts';
import { EventStream } from './event-stream.ts';
import { asProtocolError, CODES, errorMessage, ProtocolError, recordIn, resultMessage, textIn, type JsonObject, type Message } from './messages.ts';
import { answerMethod, type CallPowers } from './methods.ts';

interface Question {
  readonly resolve: (answer: JsonObject) => void;
  readonly reject: (error: ProtocolError) => void;
}

export class LegacySession {
  readonly id = randomUUID();
  /** What is sent without having been asked for goes here. */
  readonly standalone = new EventStream();
  readonly #streams = new Map<string, EventStream>();
  readonly #questions = new Map<string, Question>();
  readonly #stopListening: () => void;
  #capabilities: JsonObject = {};
  #revision = '2025-03-26';
  #logLevel = 'debug';

  constructor() {
    this.#streams.set(this.standalone.id, this.standalone);
    this.#stopListening = onAnnouncement((list) => this.standalone.send({ jsonrpc: '2.0', method: `notifications/${list}/list_changed` }));
  }

  /** A stream for one request; clients of 2025-11-25 are told at once how to come back to it. */
  openStream(isHandshake: boolean): EventStream {
    const stream = new EventStream();
    this.#streams.set(stream.id, stream);
    if (this.#revision === '2025-11-25' && !isHandshake) stream.prime();
    return stream;
  }

  streamOf(id: string): EventStream | undefined {
    return this.#streams.get(id);
  }

  /** Notifications ask for nothing that the fixture does; responses settle what it has asked. */
  accept({ id, method, result, error }: Message): void {
    if (method !== undefined || typeof id !== 'string') return;
    const question = this.#questions.get(id);
    this.#questions.delete(id);
    if (error === undefined) question?.resolve(result ?? {});
    else question?.reject(new ProtocolError(error.code, error.message));
  }

  async answer({ id, method = '', params = {} }: Message, stream: EventStream): Promise<void> {
    try {
      stream.send(resultMessage(id, await this.#resultOf(method, params, stream)));
    } catch (error) {
      stream.send(errorMessage(id, asProtocolError(error)));
    }
    stream.end();
  }

  close(): void {
    this.#stopListening();
    for (const stream of this.#streams.values()) stream.end();
    for (const { reject } of this.#questions.values()) reject(new ProtocolError(CODES.internal, 'the session has ended'));
  }

  #resultOf(method: string, params: JsonObject, stream: EventStream): JsonObject | Promise<JsonObject> {
    switch (method) {
      case 'initialize':
        return this.#initialize(params);
      case 'logging/setLevel':
        return this.#setLogLevel(textIn(params, 'level') ?? '');
      case 'ping':
      case 'resources/subscribe':
      case 'resources/unsubscribe':
        return {};
      default:
        return answerMethod(method, params, this.#powersOn(stream, params));
    }
  }

  #initialize(params: JsonObject): JsonObject {
    this.#capabilities = recordIn(params, 'capabilities') ?? {};
    const wanted = textIn(params, 'protocolVersion') ?? '';
    this.#revision = LEGACY_REVISIONS.includes(wanted) ? wanted : '2025-11-25';
    return { protocolVersion: this.#revision, capabilities: CAPABILITIES, serverInfo: SERVER_INFO };
  }

  #setLogLevel(level: string): JsonObject {
    if (!LOG_LEVELS.includes(level)) throw new ProtocolError(CODES.invalidParams, `there is no log level '${level}'`);
    this.#logLevel = level;
    return {};
  }

  #powersOn(stream: EventStream, params: JsonObject): CallPowers {
    const progressToken = recordIn(params, '_meta')?.['progressToken'];
    const notify = (method: string, about: JsonObject) => stream.send({ jsonrpc: '2.0', method, params: about });
    return {
      era: 'legacy',
      capabilities: this.#capabilities,
      log: (level, data) => {
        if (LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(this.#logLevel)) notify('notifications/message', { level, logger: 'fixture', data });
      },
      progress: (progress, total) => {
        if (progressToken !== undefined) notify('notifications/progress', { progressToken, progress, total });
      },
      ask: (method, about) => this.#ask(stream, method, about),
      leaveStream: () => stream.leave(),
      announce,
    };
  }

  #ask(stream: EventStream, method: string, params: JsonObject): Promise<JsonObject> {
    const id = randomUUID();
    return new Promise((resolve, reject) => {
      this.#questions.set(id, { resolve, reject });
      stream.send({ jsonrpc: '2.0', id, method, params });
    });
  }
}

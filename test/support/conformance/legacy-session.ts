/** One session of the era that begins with `initialize`: what was agreed, what is open, and what the client has yet to answer. */
import { randomUUID } from 'node:crypto';
import { announce, onAnnouncement } from './announcements.ts';
import { CAPABILITIES, LEGACY_REVISIONS, LOG_LEVELS, SERVER_INFO } from './capabilities.ts';
import { asProtocolError, CODES, errorMessage, ProtocolError, recordIn, resultMessage, textIn, type JsonObject, type Message } from './messages.ts';
import { answerMethod, type CallPowers } from './methods.ts';
import type { Outlet } from './outlet.ts';

interface Question {
  readonly resolve: (answer: JsonObject) => void;
  readonly reject: (error: ProtocolError) => void;
}

export class LegacySession {
  readonly id = randomUUID();
  readonly #questions = new Map<string, Question>();
  readonly #stopListening: () => void;
  #capabilities: JsonObject = {};
  #revision = '2025-03-26';
  #logLevel = 'debug';

  /** What is sent without having been asked for goes to `unasked`. */
  constructor(unasked: Outlet) {
    this.#stopListening = onAnnouncement((list) => unasked.send({ jsonrpc: '2.0', method: `notifications/${list}/list_changed` }));
  }

  /** The one that was agreed. */
  get revision(): string {
    return this.#revision;
  }

  /** Notifications ask for nothing that the fixture does; responses settle what it has asked. */
  accept({ id, method, result, error }: Message): void {
    if (method !== undefined || typeof id !== 'string') return;
    const question = this.#questions.get(id);
    this.#questions.delete(id);
    if (error === undefined) question?.resolve(result ?? {});
    else question?.reject(new ProtocolError(error.code, error.message));
  }

  async answer({ id, method = '', params = {} }: Message, outlet: Outlet): Promise<void> {
    try {
      outlet.send(resultMessage(id, await this.#resultOf(method, params, outlet)));
    } catch (error) {
      outlet.send(errorMessage(id, asProtocolError(error)));
    }
    outlet.end();
  }

  close(): void {
    this.#stopListening();
    for (const { reject } of this.#questions.values()) reject(new ProtocolError(CODES.internal, 'the session has ended'));
  }

  #resultOf(method: string, params: JsonObject, outlet: Outlet): JsonObject | Promise<JsonObject> {
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
        return answerMethod(method, params, this.#powersOn(outlet, params));
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

  #powersOn(outlet: Outlet, params: JsonObject): CallPowers {
    const progressToken = recordIn(params, '_meta')?.['progressToken'];
    const notify = (method: string, about: JsonObject) => outlet.send({ jsonrpc: '2.0', method, params: about });
    return {
      era: 'legacy',
      capabilities: this.#capabilities,
      log: (level, data) => {
        if (LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(this.#logLevel)) notify('notifications/message', { level, logger: 'fixture', data });
      },
      progress: (progress, total) => {
        if (progressToken !== undefined) notify('notifications/progress', { progressToken, progress, total });
      },
      ask: (method, about) => this.#ask(outlet, method, about),
      leaveStream: () => outlet.leave(),
      announce,
    };
  }

  #ask(outlet: Outlet, method: string, params: JsonObject): Promise<JsonObject> {
    const id = randomUUID();
    return new Promise((resolve, reject) => {
      this.#questions.set(id, { resolve, reject });
      outlet.send({ jsonrpc: '2.0', id, method, params });
    });
  }
}

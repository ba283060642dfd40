/** Revision 2026-07-28 over one connection that carries every message, as STDIO has it. */
import { META, MODERN_REVISION } from './capabilities.ts';
import { CODES, errorMessage, messageSchema, ProtocolError, recordIn, type JsonObject, type Message } from './messages.ts';
import { answerModern } from './modern-answers.ts';

export class ModernConnection {
  readonly #say: (json: string) => void;
  /** What ends the streams that are listened to, by the ids of their requests. */
  readonly #listening = new Map<unknown, () => void>();

  /** `say` takes one message in JSON. */
  constructor(say: (json: string) => void) {
    this.#say = say;
  }

  /** Settles when the message is answered, if it has an answer. */
  async hear(json: string): Promise<void> {
    const message = messageSchema.parse(JSON.parse(json));
    if (message.method === 'notifications/cancelled') return this.#stop(message.params?.['requestId']);
    if (message.id === undefined || message.method === undefined) return;
    const send = (answer: JsonObject): void => this.#say(JSON.stringify(answer));
    // Over STDIO the body says everything, so a revision with sessions is known by what it lacks.
    if (recordIn(message.params, '_meta')?.[META.revision] !== MODERN_REVISION) return send(errorMessage(message.id, unsupported(message)));
    await answerModern(
      message,
      {
        notify: (method, params) => send({ jsonrpc: '2.0', method, params }),
        end: send,
        onLeave: (stop) => void this.#listening.set(message.id, stop),
      },
      () => recordIn(message.params, '_meta') ?? {},
    );
  }

  close(): void {
    for (const id of this.#listening.keys()) this.#stop(id);
  }

  #stop(requestId: unknown): void {
    this.#listening.get(requestId)?.();
    this.#listening.delete(requestId);
  }
}

function unsupported({ method = '' }: Message): ProtocolError {
  return new ProtocolError(CODES.unsupportedRevision, `${method} is of no revision that is supported`, { data: { supported: [MODERN_REVISION] } });
}

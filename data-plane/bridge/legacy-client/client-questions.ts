/** The questions that a client of one session has heard and not answered yet; only answers to these are heard. */
import { randomUUID } from 'node:crypto';
import { Refusal } from '../../../shared/refusal.ts';
import type { RpcMessage } from '../../mcp/rpc-call.ts';
import { findTopLevelValue } from '../../transports/json-members.ts';
import { canonicalToken } from '../../transports/rpc-tokens.ts';

/** What the client said: the bytes of its result, or undefined for an error. */
export type ClientAnswer = Buffer | undefined;

const QUESTIONS_MAX = 100;

export class ClientQuestions {
  readonly #open = new Map<string, (answer: ClientAnswer) => void>();

  /** `tell` gets the id to ask with, as JSON. Rejects with the signal's reason once nobody wants to know any more. */
  ask(tell: (idToken: string) => void, signal: AbortSignal): Promise<ClientAnswer> {
    if (this.#open.size >= QUESTIONS_MAX) throw new Refusal('not_bridgeable', 'unanswerable_question', 'too many questions wait for this client already');
    const idToken = `"turnpike-${randomUUID()}"`;
    return new Promise((resolve, reject) => {
      const forget = () => {
        this.#open.delete(idToken);
        reject(signal.reason);
      };
      signal.addEventListener('abort', forget);
      this.#open.set(idToken, (answer) => {
        this.#open.delete(idToken);
        signal.removeEventListener('abort', forget);
        resolve(answer);
      });
      tell(idToken);
    });
  }

  /** An answer to nothing that was asked is dropped. */
  settle(response: RpcMessage, bytes: Buffer): void {
    if (response.idToken === undefined) return;
    const result = findTopLevelValue(bytes, 'result');
    this.#open.get(canonicalToken(response.idToken))?.(result === undefined ? undefined : Buffer.from(bytes.subarray(result.start, result.end)));
  }
}

/** What this node knows of one session that the bridge has opened: wishes of its client, and what is under way. */
import { Refusal } from '../../../shared/refusal.ts';
import { canonicalToken } from '../../transports/rpc-tokens.ts';
import type { BridgedCall } from './bridged-call.ts';
import { ClientQuestions } from './client-questions.ts';
import type { Listener } from './listener.ts';

const SUBSCRIPTIONS_MAX = 1000;

export class BridgedSession {
  readonly id: string;
  readonly questions = new ClientQuestions();
  readonly #calls = new Set<BridgedCall>();
  readonly #subscriptions = new Set<string>();
  #listener: Listener | undefined;
  #isEnded = false;
  logLevel: string | undefined;

  constructor(id: string) {
    this.id = id;
  }

  /** Nothing is lost that a client would notice at once. */
  get isIdle(): boolean {
    return this.#calls.size === 0 && this.#listener === undefined;
  }

  enter(call: BridgedCall): void {
    this.#calls.add(call);
  }

  leave(call: BridgedCall): void {
    this.#calls.delete(call);
  }

  /** Ends the one call that has the id; some clients use one id for all, and then none is meant. */
  cancel(idToken: string): void {
    const meant = [...this.#calls].filter((call) => call.idToken !== undefined && canonicalToken(call.idToken) === idToken);
    if (meant.length === 1) meant[0]?.failed(new Refusal('client_closed_request', 'client_gone', 'the caller cancelled this request'));
  }

  subscribe(uri: string): void {
    if (this.#subscriptions.size >= SUBSCRIPTIONS_MAX) {
      throw new Refusal('payload_too_large', 'request_too_large', `a session holds at most ${SUBSCRIPTIONS_MAX} subscriptions`);
    }
    this.#subscriptions.add(uri);
    this.#listener?.follow(this.#subscriptions);
  }

  unsubscribe(uri: string): void {
    if (this.#subscriptions.delete(uri)) this.#listener?.follow(this.#subscriptions);
  }

  /** The stream for what belongs to no call; a later one takes the place of an earlier one. */
  listen(listener: Listener): void {
    this.#listener?.end();
    this.#listener = listener;
    // Its caller may have ended the session while the stream was being opened.
    if (this.#isEnded) listener.end();
    else listener.follow(this.#subscriptions);
  }

  unlisten(listener: Listener): void {
    if (this.#listener === listener) this.#listener = undefined;
  }

  end(refusal: Refusal): void {
    this.#isEnded = true;
    for (const call of this.#calls) call.failed(refusal);
    this.#listener?.end();
  }
}

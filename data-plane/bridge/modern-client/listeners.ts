/** The callers who listen on one session of the bridge's: they share the server's one stream, and each hears what it asked for. */
import type { Logger } from 'pino';
import { Refusal } from '../../../shared/refusal.ts';
import type { AnswerSink, UpstreamFlight } from '../../transports/transport.ts';
import { answerSchema } from '../ask-server.ts';
import { Listener, type Wishes } from './listener.ts';
import type { SessionLink } from './session-link.ts';

export interface ListenerEvents {
  /** Resolves when what belongs to no call can be heard. */
  hear(): Promise<void>;
  /** One more has left. */
  onLeft(): void;
}

const LISTENERS_MAX = 256;

export class Listeners {
  readonly #link: SessionLink;
  readonly #log: Logger;
  readonly #events: ListenerEvents;
  readonly #listeners = new Set<Listener>();
  /** How many listen to each resource. */
  readonly #watched = new Map<string, number>();
  #joining = 0;
  /** How often everybody was told that this is the end. */
  #closings = 0;

  constructor(link: SessionLink, log: Logger, events: ListenerEvents) {
    this.#link = link;
    this.#log = log;
    this.#events = events;
  }

  get size(): number {
    return this.#listeners.size + this.#joining;
  }

  /** What the server cannot tell is not granted. Rejects with a refusal when it cannot be listened to. */
  async add(idToken: string, wishes: Wishes, sink: AnswerSink): Promise<UpstreamFlight> {
    if (this.size >= LISTENERS_MAX) throw new Refusal('overloaded', 'concurrent_requests', 'too many listen to this server', { limit: LISTENERS_MAX });
    const closingsBefore = this.#closings;
    this.#joining++;
    try {
      await this.#events.hear();
      const listener = new Listener(idToken, await this.#grant(wishes), sink);
      listener.acknowledge();
      // What it was to hear has ended while the server was asked.
      if (closingsBefore !== this.#closings) listener.end();
      else this.#listeners.add(listener);
      return { resume: () => listener.resume(), cancel: () => this.#leave(listener) };
    } finally {
      this.#joining--;
    }
  }

  /** A notification that belongs to no call. */
  notify(bytes: Buffer, method: string): void {
    for (const listener of this.#listeners) listener.hear(bytes, method);
  }

  /** Whoever listens is told that this is the end, and may listen anew. */
  close(): void {
    this.#closings++;
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    this.#watched.clear();
    for (const listener of listeners) listener.end();
    if (listeners.length > 0) this.#events.onLeft();
  }

  async #grant({ toolsListChanged, promptsListChanged, resourcesListChanged, resourceSubscriptions }: Wishes): Promise<Wishes> {
    const { tools, prompts, resources } = this.#link.greeting.capabilities;
    const watched = resources?.subscribe === true && resourceSubscriptions !== undefined ? await this.#watchAll(resourceSubscriptions) : undefined;
    return {
      ...(toolsListChanged === true && tools?.listChanged === true ? { toolsListChanged } : {}),
      ...(promptsListChanged === true && prompts?.listChanged === true ? { promptsListChanged } : {}),
      ...(resourcesListChanged === true && resources?.listChanged === true ? { resourcesListChanged } : {}),
      ...(watched === undefined ? {} : { resourceSubscriptions: watched }),
    };
  }

  /** Those that the server lets be watched. */
  async #watchAll(uris: readonly string[]): Promise<string[]> {
    const watched: string[] = [];
    try {
      for (const uri of new Set(uris)) if (await this.#watch(uri)) watched.push(uri);
      return watched;
    } catch (error) {
      for (const uri of watched) this.#unwatch(uri);
      throw error;
    }
  }

  async #watch(uri: string): Promise<boolean> {
    if (!this.#watched.has(uri)) {
      const { value } = await this.#ask('resources/subscribe', uri);
      if (answerSchema.safeParse(value).data?.result === undefined) return false;
    }
    this.#watched.set(uri, (this.#watched.get(uri) ?? 0) + 1);
    return true;
  }

  #unwatch(uri: string): void {
    const count = this.#watched.get(uri) ?? 0;
    if (count > 1) return void this.#watched.set(uri, count - 1);
    if (!this.#watched.delete(uri)) return;
    this.#ask('resources/unsubscribe', uri).catch((error: unknown) => this.#log.debug({ err: error }, 'a server was not told that nobody watches a resource'));
  }

  #ask(method: string, uri: string) {
    return this.#link.ask({ jsonrpc: '2.0', id: this.#link.nextId(), method, params: { uri } });
  }

  #leave(listener: Listener): void {
    if (!this.#listeners.delete(listener)) return;
    for (const uri of listener.granted.resourceSubscriptions ?? []) this.#unwatch(uri);
    this.#events.onLeft();
  }
}

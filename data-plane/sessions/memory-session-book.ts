/** The session book of one process, for a gateway that has no Redis. */
import type { Clock } from '../../shared/clock.ts';
import { ENDED, ENTRY_MILLIS, type BookedSession, type SessionBook, type SessionFate } from './session-book.ts';

interface Entry {
  readonly fate: SessionFate;
  readonly keptUntilMillis: number;
}

const ENTRIES_MAX = 100_000;

export class MemorySessionBook implements SessionBook {
  readonly #clock: Clock;
  readonly #entriesMax: number;
  /** In the order in which they were last asked for or changed: beyond the limit the first is forgotten. */
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock, entriesMax = ENTRIES_MAX) {
    this.#clock = clock;
    this.#entriesMax = entriesMax;
  }

  find(session: BookedSession): Promise<SessionFate | undefined> {
    const fate = this.#fateOf(session);
    if (fate !== undefined) this.#keep(session, fate);
    return Promise.resolve(fate);
  }

  end(session: BookedSession): Promise<void> {
    this.#keep(session, ENDED);
    return Promise.resolve();
  }

  heal(session: BookedSession, forgotten: string, fresh: string): Promise<SessionFate> {
    const held = this.#fateOf(session);
    const isOvertaken = held !== undefined && !(held.kind === 'healed' && held.upstreamSessionId === forgotten);
    const fate: SessionFate = isOvertaken ? held : { kind: 'healed', upstreamSessionId: fresh };
    this.#keep(session, fate);
    return Promise.resolve(fate);
  }

  #fateOf(session: BookedSession): SessionFate | undefined {
    const entry = this.#entries.get(keyOf(session));
    return entry !== undefined && entry.keptUntilMillis > this.#clock.now() ? entry.fate : undefined;
  }

  #keep(session: BookedSession, fate: SessionFate): void {
    const key = keyOf(session);
    this.#entries.delete(key);
    this.#entries.set(key, { fate, keptUntilMillis: this.#clock.now() + ENTRY_MILLIS });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > this.#entriesMax && oldest !== undefined) this.#entries.delete(oldest);
  }
}

function keyOf({ organisationId, serverId, apiKeyId, upstreamSessionId }: BookedSession): string {
  return `${organisationId} ${serverId} ${apiKeyId} ${upstreamSessionId}`;
}

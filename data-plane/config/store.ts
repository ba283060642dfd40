/** Holds the configuration in force, and swaps it as a whole. */
import type { Clock } from '../../shared/clock.ts';
import { EMPTY_STATE, type ConfigState } from './config-state.ts';
import type { Snapshot } from './snapshot.ts';

export interface ConfigSwap {
  /** Undefined when there was none before. */
  readonly previous: Snapshot | undefined;
  readonly next: Snapshot;
  /** Servers that were changed or removed: what is pooled for them is out of date. */
  readonly changedServerIds: readonly string[];
}

export class ConfigStore {
  readonly #clock: Clock;
  readonly #listeners: ((swap: ConfigSwap) => void)[] = [];
  #state: ConfigState | undefined;
  #receivedAtMillis = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Undefined until the first configuration has come. */
  current(): Snapshot | undefined {
    return this.#state?.snapshot;
  }

  get state(): ConfigState {
    return this.#state ?? EMPTY_STATE;
  }

  /** When the control plane last said that this configuration is the current one. */
  get receivedAtMillis(): number {
    return this.#receivedAtMillis;
  }

  /** Called after each swap, in the same turn of the event loop. */
  onChange(listener: (swap: ConfigSwap) => void): void {
    this.#listeners.push(listener);
  }

  swap(state: ConfigState, receivedAtMillis = this.#clock.now()): void {
    const previous = this.#state;
    this.#state = state;
    this.#receivedAtMillis = receivedAtMillis;
    const changedServerIds = previous === undefined ? [] : changedServers(previous.snapshot, state.snapshot);
    for (const listener of this.#listeners) listener({ previous: previous?.snapshot, next: state.snapshot, changedServerIds });
  }

  /** The control plane confirmed the version in force. */
  confirm(): void {
    this.#receivedAtMillis = this.#clock.now();
  }
}

function changedServers(before: Snapshot, after: Snapshot): string[] {
  if (before.servers === after.servers) return [];
  const changed = new Set<string>();
  for (const [organisationId, servers] of before.servers) {
    const now = after.servers.get(organisationId);
    if (now === servers) continue;
    for (const server of servers.values()) if (now?.get(server.config.id) !== server) changed.add(server.config.id);
  }
  return [...changed];
}

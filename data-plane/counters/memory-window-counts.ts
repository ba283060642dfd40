/** Shows what counters of the same process have counted, in the standalone mode. */
import type { WindowCounts, WindowCountsSource } from '../../shared/window-counts.ts';
import type { MemoryCounters } from './memory-counters.ts';

export class MemoryWindowCounts implements WindowCountsSource {
  readonly #counters: MemoryCounters;

  constructor(counters: MemoryCounters) {
    this.#counters = counters;
  }

  read(organisationId: string, keys: readonly string[]): Promise<readonly WindowCounts[]> {
    return Promise.resolve(keys.map((key) => ({ ...this.#counters.windowOf(organisationId, key) })));
  }

  /** The counters are closed by whoever counts with them. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}

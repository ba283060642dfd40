/** Cuts long work into slices, between which the event loop turns and traffic goes on. */
import { setImmediate as nextTurn } from 'node:timers/promises';

const SLICE_MILLIS = 2;

export class Slices {
  #until = performance.now() + SLICE_MILLIS;

  /** Asked after every small piece of work. */
  get isOver(): boolean {
    return performance.now() >= this.#until;
  }

  async rest(): Promise<void> {
    await nextTurn();
    this.#until = performance.now() + SLICE_MILLIS;
  }
}

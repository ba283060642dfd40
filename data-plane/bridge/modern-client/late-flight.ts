/** The flight of a request that has to wait before it leaves: what is asked of it until then is done as soon as it does. */
import type { UpstreamFlight } from '../../transports/transport.ts';

export class LateFlight implements UpstreamFlight {
  #flight: UpstreamFlight | undefined;
  #isCancelled = false;

  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /** A later one takes the place of one before, which has ended by itself. */
  follow(flight: UpstreamFlight): void {
    this.#flight = flight;
    if (this.#isCancelled) flight.cancel();
  }

  resume(): void {
    this.#flight?.resume();
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#flight?.cancel();
  }
}

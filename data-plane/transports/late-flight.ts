/** Flights that are no dispatch: of a request that has ended already, and of one that has to wait before it leaves. */
import type { UpstreamFlight } from './transport.ts';

/** The flight of a request that has ended already, or never left. */
export const LANDED: UpstreamFlight = { resume: () => undefined, cancel: () => undefined };

/** What is asked of it before the request leaves is done as soon as it does. */
export class LateFlight implements UpstreamFlight {
  #flight: UpstreamFlight = LANDED;
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
    this.#flight.resume();
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#flight.cancel();
  }
}

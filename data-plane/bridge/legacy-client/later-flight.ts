/** A flight that is promised before it begins: what its caller does meanwhile is done to it then. */
import type { UpstreamFlight } from '../../transports/transport.ts';

/** The flight of a request that has ended already. */
export const LANDED: UpstreamFlight = { resume: () => undefined, cancel: () => undefined };

export class LaterFlight implements UpstreamFlight {
  #flight: UpstreamFlight = LANDED;
  #isCancelled = false;

  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /** From now on this is the flight; an earlier one has ended. */
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

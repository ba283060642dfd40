/** Step 1: takes a place among the requests that this node works on at once, or refuses before any work is done. */
import { Refusal } from '../../shared/refusal.ts';
import type { Slot } from '../evidence.ts';
import type { Gateway } from '../gateway.ts';

export function enterConcurrency(gateway: Pick<Gateway, 'slots'>): Slot {
  const { slots } = gateway;
  if (slots.inFlight >= slots.max) {
    throw new Refusal('overloaded', 'concurrent_requests', `this gateway node works on ${slots.max} requests already`, { retryAfterSeconds: 1 });
  }
  slots.inFlight++;
  return slots.slot;
}

/** Counts what is under way on this node; one object serves every request, so a slot costs nothing. */
export class Slots {
  inFlight = 0;
  readonly max: number;
  readonly slot: Slot = {
    release: () => {
      this.inFlight--;
    },
  };

  constructor(max: number) {
    this.max = max;
  }
}

/** The gateway as an explanation may have it: everything is read as it is, and nothing can be moved. */
import type { Clock } from '../../shared/clock.ts';
import { ConfigStore } from '../config/store.ts';
import type { Gateway } from '../gateway.ts';
import { LeaseKeeper } from '../policies/lease-keeper.ts';
import { Slots } from '../steps/enter-concurrency.ts';
import { StillCounters } from './still-counters.ts';

export interface StillGateway extends Gateway {
  readonly counters: StillCounters;
  readonly localCounters: StillCounters;
  /** Ends the keeper of leases that were never taken. */
  close(): void;
}

/** `atMillis` moves the clock by which keys and grants expire and windows begin; what is counted, and how old the configuration is, is that of now. */
export function stillGateway(gateway: Gateway, atMillis: number): StillGateway {
  const aheadMillis = atMillis - gateway.clock.now();
  const clock: Clock = { now: () => gateway.clock.now() + aheadMillis, elapsed: () => gateway.clock.elapsed() };
  const config = new ConfigStore(clock);
  if (gateway.config.current() !== undefined) config.swap(gateway.config.state, gateway.config.receivedAtMillis + aheadMillis);
  const slots = new Slots(gateway.slots.max);
  slots.inFlight = gateway.slots.inFlight;
  const leases = new LeaseKeeper(clock);
  return {
    ...gateway,
    clock,
    config,
    counters: new StillCounters(gateway.counters),
    localCounters: new StillCounters(gateway.localCounters),
    slots,
    leases,
    transports: {},
    close: () => leases.close(),
  };
}

/** What every implementation of the counters promises, run over each of them. */
import { afterAll, beforeAll, describe } from 'vitest';
import { admissions, observedChecks } from './counters/admissions.contract.ts';
import { events } from './counters/events.contract.ts';
import { extensions } from './counters/extensions.contract.ts';
import { holds } from './counters/holds.contract.ts';
import { leases } from './counters/leases.contract.ts';
import { looks } from './counters/looks.contract.ts';
import { loops } from './counters/loops.contract.ts';
import { burstRates, slidingRates } from './counters/rates.contract.ts';
import { rig, useRig, type CountersRig } from './counters/rig.ts';
import { rollover } from './counters/rollover.contract.ts';

export function describeCounters(name: string, open: () => Promise<CountersRig>): void {
  describe(name, () => {
    beforeAll(async () => useRig(await open()));
    afterAll(() => rig?.close());
    describe('a rate without burst', slidingRates);
    describe('a rate with burst', burstRates);
    describe('leases', leases);
    describe('holds', holds);
    describe('rollover', rollover);
    describe('an extension', extensions);
    describe('an admission', admissions);
    describe('a check that observes', observedChecks);
    describe('a breaker against loops', loops);
    describe('a look', looks);
    describe('events', events);
  });
}

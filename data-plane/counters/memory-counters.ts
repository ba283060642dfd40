/** Counters of one process: the standalone mode's own, and every node's fallback for rates and leases while Redis is away. */
import type { Clock } from '../../shared/clock.ts';
import type { UsageQueue } from '../../shared/usage-queue.ts';
import { NOTHING_COUNTED, type WindowCounts } from '../../shared/window-counts.ts';
import { CountersUnavailable, type Admission, type AdmissionAnswer, type AdmissionPeek, type Counters, type Extension, type Settlement } from './counters.ts';
import { OrganisationCounts } from './organisation-counts.ts';

export interface MemoryCountersParts {
  readonly clock: Clock;
  /** Where events go; without one, as in the fallback, whoever settles records elsewhere. */
  readonly queue?: UsageQueue;
}

const SWEEP_MILLIS = 10_000;
const FLUSH_CHECK_MILLIS = 10;

export class MemoryCounters implements Counters {
  readonly isAvailable = true;
  readonly #clock: Clock;
  readonly #queue: UsageQueue | undefined;
  readonly #organisations = new Map<string, OrganisationCounts>();
  readonly #sweep: NodeJS.Timeout;

  constructor(parts: MemoryCountersParts) {
    this.#clock = parts.clock;
    this.#queue = parts.queue;
    this.#sweep = setInterval(() => this.#forgetOld(), SWEEP_MILLIS);
    this.#sweep.unref();
  }

  /** Events that the reader of the queue has not acknowledged. */
  get backlog(): number {
    return this.#queue?.size ?? 0;
  }

  admit(admission: Admission): Promise<AdmissionAnswer> {
    return Promise.resolve(this.#countsOf(admission).admit(admission, this.#clock.now()));
  }

  peek(admission: Admission): Promise<AdmissionPeek> {
    const counts = this.#organisations.get(admission.organisationId) ?? new OrganisationCounts();
    return Promise.resolve(counts.peek(admission, this.#clock.now()));
  }

  extend(admission: Admission, extension: Extension): Promise<AdmissionAnswer> {
    const answer = this.#countsOf(admission).extend(admission, extension);
    return answer === undefined ? Promise.reject(new CountersUnavailable('the request is not open any more')) : Promise.resolve(answer);
  }

  settle(settlement: Settlement): void {
    this.#countsOf(settlement.admission).settle(settlement, this.#clock.now());
    this.#queue?.append(settlement.event);
  }

  record(_organisationId: string | null, event: string): void {
    this.#queue?.append(event);
  }

  renew(admission: Admission): void {
    this.#countsOf(admission).renew(admission, this.#clock.now());
  }

  windowOf(organisationId: string, key: string): WindowCounts {
    return this.#organisations.get(organisationId)?.windowOf(key) ?? NOTHING_COUNTED;
  }

  async flushed(deadline: () => boolean = () => false): Promise<void> {
    while (this.backlog > 0 && !deadline()) await new Promise((resolve) => setTimeout(resolve, FLUSH_CHECK_MILLIS));
  }

  async close(graceMillis: number): Promise<number> {
    clearInterval(this.#sweep);
    const deadline = performance.now() + graceMillis;
    await this.flushed(() => performance.now() > deadline);
    return this.backlog;
  }

  #countsOf({ organisationId }: Admission): OrganisationCounts {
    let counts = this.#organisations.get(organisationId);
    if (counts === undefined) this.#organisations.set(organisationId, (counts = new OrganisationCounts()));
    return counts;
  }

  #forgetOld(): void {
    const now = this.#clock.now();
    for (const [organisationId, counts] of this.#organisations) if (!counts.forgetOld(now)) this.#organisations.delete(organisationId);
  }
}

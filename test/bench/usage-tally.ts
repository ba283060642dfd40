/** Takes usage events from a source, acknowledges them at once and counts them: what remains of the intake without its database. */
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { readUsageEvent, type UsageSource } from '../../shared/usage-event.ts';

const BATCH_MAX = 500;
const WAIT_MILLIS = 1000;
const RETRY_MILLIS = 50;
/** How many events there were of each ending: `ALLOWED`, or decision and reason such as `DENIED blocked_tool`. */
export const tallySchema = z.record(z.string(), z.number());

export class UsageTally {
  readonly #source: UsageSource;
  readonly #endings = new Map<string, number>();

  constructor(source: UsageSource) {
    this.#source = source;
  }

  /** Runs until the process ends. */
  async run(): Promise<never> {
    for (;;) {
      try {
        await this.#take();
      } catch {
        // The source is not there yet, or not any more; both pass.
        await wait(RETRY_MILLIS);
      }
    }
  }

  toString(): string {
    return JSON.stringify(Object.fromEntries(this.#endings));
  }

  async #take(): Promise<void> {
    const batch = await this.#source.read(BATCH_MAX, WAIT_MILLIS);
    if (batch.length === 0) return;
    await this.#source.acknowledge(batch);
    for (const { json } of batch) {
      const ending = endingOf(json);
      this.#endings.set(ending, (this.#endings.get(ending) ?? 0) + 1);
    }
  }
}

/** What is expected is recognised without parsing, since in one of the contenders this is the gateway's own time. */
function endingOf(json: string): string {
  if (json.includes(',200,"ALLOWED",null,')) return 'ALLOWED';
  const { decision, reason } = readUsageEvent(JSON.parse(json));
  return `${decision} ${reason}`;
}

/** Waits for something that is about to be there. */
import { setTimeout as wait } from 'node:timers/promises';

const POLL_MILLIS = 50;

/** What the look finds, or null when it has found nothing for that long. */
export async function until<Found>(look: () => Promise<Found | null>, patienceMillis: number): Promise<Found | null> {
  const deadline = performance.now() + patienceMillis;
  for (;;) {
    const found = await look();
    if (found !== null || performance.now() > deadline) return found;
    await wait(POLL_MILLIS);
  }
}

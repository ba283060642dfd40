/** Which requests the events that wait in a stream are of. */
import { readDelivered } from '../usage-intake/read-delivery.ts';

/** What is no event is set aside by whoever stores them: it makes no record. */
export function toldRequests(events: readonly string[]): string[] {
  return events.flatMap((json) => {
    try {
      return [readDelivered(json).requestId];
    } catch {
      return [];
    }
  });
}

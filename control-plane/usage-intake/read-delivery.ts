/** Reads usage events as they were delivered, and tells faults of the events from faults of what stores them. */
import { readUsageEvent, type UsageEvent } from '../../shared/usage-event.ts';

const REASON_LENGTH_MAX = 1000;
const UNSTORABLE = /\\u(?:0000|d[89a-f])/i;

/** Throws for whatever is no usage event. */
export function readDelivered(json: string): UsageEvent {
  return readUsageEvent(readJson(json));
}

/** PostgreSQL stores neither NUL nor half a character; whoever calls with such a name must not escape being recorded. */
function readJson(json: string): unknown {
  if (!UNSTORABLE.test(json)) return JSON.parse(json);
  return JSON.parse(json, (_key, value: unknown) => (typeof value === 'string' ? value.replaceAll('\0', '\uFFFD').toWellFormed() : value));
}

/** SQLSTATE classes 22, 23 and 54: the data is wrong, does not fit the rest or is too large for an index, and will be at the next try. */
export function isFaultOfData(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && /^(?:22|23|54)/.test(error.code);
}

/** Why an event was set aside. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, REASON_LENGTH_MAX) : 'unknown';
}

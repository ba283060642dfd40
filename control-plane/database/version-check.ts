/** Optimistic concurrency: a change is made on the version that its author has seen, or not at all. */
import { LockMode } from '@mikro-orm/core';
import { refuseInput } from '../graphql/input-refused.ts';

/** Find with this what is about to be changed: whoever comes second waits, and then sees the new version. */
export const FOR_CHANGE = { lockMode: LockMode.PESSIMISTIC_WRITE } as const;

/** Refuses with STALE_VERSION. The row must have been found with `FOR_CHANGE`; null has no version. */
export function requireVersion(row: { readonly version: number } | null, expectedVersion: number | null, noun: string): void {
  if (expectedVersion === null || row?.version === expectedVersion) return;
  const now = row === null ? `there is no ${noun}` : `the ${noun} has version ${row.version}`;
  throw refuseInput(['expectedVersion'], 'STALE_VERSION', now, 'read it again, then decide');
}

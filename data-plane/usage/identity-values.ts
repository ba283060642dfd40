/** Who called what: the part of a usage event that is the same for every request of a key at a server. */
import { USAGE_IDENTITY_FIELDS, type UsageEvent } from '../../shared/usage-event.ts';

export type UsageIdentity = Pick<UsageEvent, (typeof USAGE_IDENTITY_FIELDS)[number]>;

/** The values in the order in which an event has them: JSON without brackets. */
export function identityValues(identity: UsageIdentity): string {
  return USAGE_IDENTITY_FIELDS.map((field) => JSON.stringify(identity[field])).join(',');
}

/** Who called what: the part of a usage event that is the same for every request of a key at a server. */
import type { UsageEvent } from '../../shared/usage-event.ts';

const IDENTITY_FIELDS = [
  'organisationId',
  'teamId',
  'userId',
  'userDomain',
  'apiKeyId',
  'apiKeyPrefix',
  'serverId',
  'serverSlug',
  'transport',
] as const satisfies readonly (keyof UsageEvent)[];

export type UsageIdentity = Pick<UsageEvent, (typeof IDENTITY_FIELDS)[number]>;

/** The values in the order in which an event has them: JSON without brackets. */
export function identityValues(identity: UsageIdentity): string {
  return IDENTITY_FIELDS.map((field) => JSON.stringify(identity[field])).join(',');
}

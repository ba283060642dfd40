/** What an organisation has in Redis. All keys carry it as their hash tag, so that a script finds them in one slot of a cluster. */
import { countsKeyOf } from '../../shared/window-counts.ts';

export interface OrganisationKeys {
  /** Hash by request id: until when an admitted request is open, and what it was answered, until it is settled. */
  readonly open: string;
  /** Hash by request id: what an open request holds, and the event that becomes its record if nobody settles it. Apart, since only a reaper reads it. */
  readonly intents: string;
  /** Hash of rates, leases and windows: what of each is used up. */
  readonly counts: string;
  /** Stream of usage events, one or several to an entry. */
  readonly usage: string;
  /** What the key of each session that was healed or ended begins with. */
  readonly session: string;
}

/** Organisations whose streams the usage intake reads. */
export const STREAM_OWNERS_KEY = 'turnpike:usage-streams';

const known = new Map<string, OrganisationKeys>();

export function keysOf(organisationId: string): OrganisationKeys {
  let keys = known.get(organisationId);
  if (keys === undefined) known.set(organisationId, (keys = keysFor(organisationId)));
  return keys;
}

function keysFor(organisationId: string): OrganisationKeys {
  const tag = `{${organisationId}}`;
  return { open: `${tag}:open`, intents: `${tag}:intents`, counts: countsKeyOf(organisationId), usage: `${tag}:usage`, session: `${tag}:session:` };
}

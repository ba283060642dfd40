/** Notes which clients the traffic has shown: those of an agent, and those that name themselves and count as none. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { UsageEvent } from '../../shared/usage-event.ts';
import { rowsFrom } from './stored-rows.ts';

const COLUMNS = [
  'organisation_id text',
  'client_name text',
  'client_version text',
  'agent_client_id text',
  'api_key_ids text[]',
  'calls bigint',
  'first_seen_at timestamptz',
  'last_seen_at timestamptz',
] as const;
const NAMES = COLUMNS.map((column) => column.slice(0, column.indexOf(' '))).join(', ');
/** Enough to find out who it is. */
const KEYS_MAX = 20;

interface Sighting {
  readonly organisationId: string;
  readonly clientName: string;
  readonly clientVersion: string;
  readonly agentClientId: string;
  readonly apiKeyIds: Set<string>;
  calls: number;
  firstMillis: number;
  lastMillis: number;
}

/** Of events that are new. One statement, whatever the size of the batch. */
export async function noteSightings(em: EntityManager, events: readonly UsageEvent[]): Promise<void> {
  const sightings = sightingsIn(events);
  if (sightings.length === 0) return;
  await em.execute(
    `insert into client_sightings as seen (${NAMES}) select ${NAMES} from ${rowsFrom(COLUMNS)}
     on conflict (organisation_id, client_name, client_version, agent_client_id) do update set calls = seen.calls + excluded.calls,
       first_seen_at = least(seen.first_seen_at, excluded.first_seen_at), last_seen_at = greatest(seen.last_seen_at, excluded.last_seen_at),
       api_key_ids = array(select distinct unnest(excluded.api_key_ids || seen.api_key_ids) limit ${KEYS_MAX})`,
    [JSON.stringify(sightings.map(toRow))],
  );
}

function sightingsIn(events: readonly UsageEvent[]): Sighting[] {
  const sightings = new Map<string, Sighting>();
  for (const { organisationId, agentId, agentClientId, clientName, clientVersion, apiKeyId, timeMillis } of events) {
    const isMappable = agentId === null && clientName !== null && clientName !== '';
    if (organisationId === null || (agentClientId === null && !isMappable)) continue;
    const text = JSON.stringify([organisationId, clientName, clientVersion, agentClientId]);
    const sighting = sightings.get(text) ?? {
      organisationId,
      clientName: clientName ?? '',
      clientVersion: clientVersion ?? '',
      agentClientId: agentClientId ?? '',
      apiKeyIds: new Set(),
      calls: 0,
      firstMillis: timeMillis,
      lastMillis: timeMillis,
    };
    sightings.set(text, sighting);
    sighting.calls++;
    sighting.firstMillis = Math.min(sighting.firstMillis, timeMillis);
    sighting.lastMillis = Math.max(sighting.lastMillis, timeMillis);
    if (apiKeyId !== null && sighting.apiKeyIds.size < KEYS_MAX) sighting.apiKeyIds.add(apiKeyId);
  }
  return [...sightings.values()];
}

function toRow({ firstMillis, lastMillis, apiKeyIds, ...sighting }: Sighting): Record<string, unknown> {
  return {
    organisation_id: sighting.organisationId,
    client_name: sighting.clientName,
    client_version: sighting.clientVersion,
    agent_client_id: sighting.agentClientId,
    api_key_ids: [...apiKeyIds],
    calls: sighting.calls,
    first_seen_at: new Date(firstMillis),
    last_seen_at: new Date(lastMillis),
  };
}

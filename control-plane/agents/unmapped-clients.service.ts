/** Clients that the traffic has shown and that count as no agent, so that somebody may map them. */
import { z } from 'zod';
import { AgentRecogniser } from '../../shared/agent-recogniser.ts';
import { cursorOf, toConnection, type Connection, type Page } from '../graphql/connection.ts';
import type { AdminContext } from '../request-context.ts';
import { toAgentDocument } from './agent.document.ts';
import { allAgents, type Agent } from './agents.ts';

export interface UnmappedClient {
  readonly clientName: string;
  readonly clientVersion: string | null;
  readonly firstSeenAt: Date;
  readonly lastSeenAt: Date;
  readonly calls: string;
  readonly apiKeyIds: readonly string[];
  /** A predefined agent that is known by the name. */
  readonly looksLike: Agent | null;
}

/** Callers choose their names: of more than so many, the oldest are not told. */
const CLIENTS_MAX = 1000;

const rowsSchema = z.array(
  z.object({
    client_name: z.string(),
    client_version: z.string(),
    first_seen_at: z.coerce.date(),
    last_seen_at: z.coerce.date(),
    calls: z.string(),
    api_key_ids: z.array(z.string()),
  }),
);

export class UnmappedClientsService {
  /** What was mapped since it was seen is left out. */
  async list({ em, caller }: AdminContext, { first, after }: Page): Promise<Connection<UnmappedClient>> {
    const { organisationId } = caller;
    const rows = await em.execute(
      `select client_name, client_version, first_seen_at, last_seen_at, calls::text as calls, api_key_ids from client_sightings
       where organisation_id = ? and agent_client_id = '' and last_seen_at > now() - interval '30 days'
       order by last_seen_at desc limit ?`,
      [organisationId, CLIENTS_MAX],
    );
    const agents = await allAgents(em, organisationId);
    const mapped = recogniserOf(organisationId, agents);
    const known = recogniserOf(organisationId, agents.filter(({ kind }) => kind === 'PREDEFINED').map(asKnown));
    const clients = rowsSchema.parse(rows).flatMap((row) => {
      const claim = { name: row.client_name, version: row.client_version, userAgent: undefined };
      if (mapped.recognise(claim) !== undefined) return [];
      const lookedLike = known.recognise(claim)?.agent.id;
      return {
        clientName: row.client_name,
        clientVersion: row.client_version === '' ? null : row.client_version,
        firstSeenAt: row.first_seen_at,
        lastSeenAt: row.last_seen_at,
        calls: row.calls,
        apiKeyIds: row.api_key_ids,
        looksLike: agents.find(({ id }) => id === lookedLike) ?? null,
      };
    });
    const behind = clients
      .filter((client) => after === undefined || placeOf(client) < after)
      .toSorted((one, other) => (placeOf(one) > placeOf(other) ? -1 : 1));
    return toConnection(behind.slice(0, first + 1), { first, after }, (client) => cursorOf(placeOf(client)), clients.length);
  }
}

/** The latest is the greatest. The list goes on behind a client that is mapped or seen again meanwhile. */
function placeOf({ lastSeenAt, clientName, clientVersion }: UnmappedClient): string {
  return `${lastSeenAt.toISOString()}\n${clientVersion ?? ''}\n${clientName}`;
}

function recogniserOf(organisationId: string, agents: readonly Agent[]): AgentRecogniser {
  return new AgentRecogniser(agents.map((agent) => toAgentDocument({ ...agent, organisationId })));
}

/** With one client, that goes by all names which are known. */
function asKnown(agent: Agent): Agent {
  return { ...agent, clients: [{ id: '', name: agent.name, clientNamePattern: null, versionRange: null, allowedServerIds: [] }] };
}

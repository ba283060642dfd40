/** Turns an agent into what the data planes obey. */
import type { Agent as AgentDocument } from '../../shared/agent.ts';
import type { ConfigUpsert } from '../../shared/config-document.ts';
import { knownNamesOf, type Agent } from './agents.ts';
import type { StoredAgent, StoredAgentClient } from './agent.entity.ts';

type AgentToTell = Pick<Agent, 'id' | 'slug' | 'kind' | 'name' | 'mode' | 'clients'> & { readonly organisationId: string };

export function toAgentDocument({ id, organisationId, slug, kind, name, mode, clients }: AgentToTell): AgentDocument {
  const known = knownNamesOf({ kind, slug });
  const toClient = ({ id: clientId, clientNamePattern, versionRange, allowedServerIds }: StoredAgentClient) => ({
    id: clientId,
    clientNames: clientNamePattern === null ? [...known.clientNames] : [clientNamePattern],
    userAgents: clientNamePattern === null ? [...known.userAgents] : [],
    versionRange,
    serverIds: [...allowedServerIds],
  });
  return { id, organisationId, kind, name, mode, clients: clients.map(toClient) };
}

export function upsertOfAgent(agent: StoredAgent): ConfigUpsert {
  return { op: 'upsert', kind: 'agent', value: toAgentDocument(agent) };
}

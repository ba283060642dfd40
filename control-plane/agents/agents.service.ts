/** The rules of agents: predefined ones are the same for everybody and mapped by each organisation, others are its own. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { AgentKind } from '../../shared/agent.ts';
import { newId } from '../../shared/ids.ts';
import { ApiKeyEntity } from '../api-keys/api-key.entity.ts';
import { audit } from '../audit/audit.ts';
import { appendConfigChanges } from '../config-feed/change-log.ts';
import { inTransaction } from '../database/in-transaction.ts';
import { FOR_CHANGE, requireVersion } from '../database/version-check.ts';
import { toConnection, cursorOf, type Connection, type Page } from '../graphql/connection.ts';
import { notFound, refuseInput } from '../graphql/input-refused.ts';
import { readName } from '../graphql/names.ts';
import { readSlug } from '../graphql/slug.ts';
import type { AdminContext } from '../request-context.ts';
import { readAgentClients, type AgentClientInput } from './agent-clients.ts';
import { upsertOfAgent } from './agent.document.ts';
import { AgentEntity, type StoredAgent } from './agent.entity.ts';
import { allAgents, findAgent, idOfPredefined, toAgent, type Agent } from './agents.ts';
import { PREDEFINED_AGENTS } from './predefined-agents.ts';

export interface AgentsFilter {
  readonly kind: AgentKind | null;
  /** Part of name or slug, whatever its case. */
  readonly search: string | null;
}

export interface CreateAgentInput {
  readonly name: string;
  readonly slug: string | null;
  readonly mode: Agent['mode'];
  readonly clients: readonly AgentClientInput[];
  /** Answers what would be, and changes nothing. */
  readonly dryRun: boolean;
}

/** What is undefined stays as it is. */
export interface UpdateAgentInput {
  readonly id: string;
  readonly name: string | undefined;
  readonly mode: Agent['mode'] | undefined;
  readonly clients: readonly AgentClientInput[] | undefined;
  readonly expectedVersion: number | null;
  readonly dryRun: boolean;
}

export interface DeleteAgentInput {
  readonly id: string;
  readonly expectedVersion: number | null;
  readonly dryRun: boolean;
}

/** So that all of them can be read at once. */
const AGENTS_MAX = 200;

export class AgentsService {
  async list({ em, caller }: AdminContext, { kind, search }: AgentsFilter, { first, after }: Page): Promise<Connection<Agent>> {
    const wanted = search?.toLowerCase() ?? '';
    const agents = (await allAgents(em, caller.organisationId)).filter(
      (agent) => (kind === null || agent.kind === kind) && `${agent.name}\n${agent.slug}`.toLowerCase().includes(wanted),
    );
    const behind = agents.filter((agent) => after === undefined || placeOf(agent) > after);
    return toConnection(behind.slice(0, first + 1), { first, after }, (agent) => cursorOf(placeOf(agent)), agents.length);
  }

  find({ em, caller }: AdminContext, id: string): Promise<Agent | null> {
    return findAgent(em, caller.organisationId, id);
  }

  create(context: AdminContext, input: CreateAgentInput): Promise<Agent> {
    return inTransaction(context.em, input, async (em) => {
      const name = readName(input.name);
      const slug = await freeSlug(em, readSlug(input.slug, name));
      if ((await em.count(AgentEntity, { kind: 'CUSTOM' })) >= AGENTS_MAX)
        throw refuseInput(null, 'TOO_LARGE', `an organisation has at most ${AGENTS_MAX} agents of its own`);
      const clients = await readAgentClients(em, { kind: 'CUSTOM', clients: [] }, input.clients);
      const { organisationId } = context.caller;
      const agent = em.create(AgentEntity, { id: newId('agent'), organisationId, slug, name, kind: 'CUSTOM', mode: input.mode, clients });
      await em.flush();
      audit(em, context, { action: 'createAgent', targetId: agent.id, targetLabel: slug, before: null, after: toAgent(agent) });
      await appendConfigChanges(em, [upsertOfAgent(agent)]);
      return toAgent(agent);
    });
  }

  /** In force from the next call on. The first change of a predefined agent is what maps it. */
  update(context: AdminContext, { id, expectedVersion, dryRun, ...given }: UpdateAgentInput): Promise<Agent> {
    return inTransaction(context.em, { dryRun }, async (em) => {
      const agent = (await em.findOne(AgentEntity, { id }, FOR_CHANGE)) ?? mapped(em, context, id);
      requireVersion(agent, expectedVersion, 'agent');
      const before = agent.version === 0 ? null : toAgent(agent);
      if (given.name !== undefined && agent.kind === 'PREDEFINED') throw refuseInput(['name'], 'INVALID', 'a predefined agent keeps its name');
      em.assign(agent, {
        name: given.name === undefined ? agent.name : readName(given.name),
        mode: given.mode ?? agent.mode,
        clients: given.clients === undefined ? agent.clients : await readAgentClients(em, agent, given.clients),
        version: agent.version + 1,
        updatedAt: new Date(),
      });
      audit(em, context, { action: 'updateAgent', targetId: id, targetLabel: agent.slug, before, after: toAgent(agent) });
      await appendConfigChanges(em, [upsertOfAgent(agent)]);
      return toAgent(agent);
    });
  }

  delete(context: AdminContext, { id, expectedVersion, dryRun }: DeleteAgentInput): Promise<string> {
    return inTransaction(context.em, { dryRun }, async (em) => {
      const agent = await em.findOne(AgentEntity, { id }, FOR_CHANGE);
      if (agent?.kind === 'PREDEFINED' || predefinedOf(context, id) !== undefined)
        throw refuseInput(['id'], 'INVALID', 'a predefined agent stays', 'updateAgent with `clients: []` takes its mapping away');
      if (agent === null) throw notFound('id', 'agent');
      requireVersion(agent, expectedVersion, 'agent');
      // A revoked key is bound for good, and calls nothing any more.
      if ((await em.count(ApiKeyEntity, { agentId: id, state: { $ne: 'REVOKED' } })) > 0)
        throw refuseInput(['id'], 'CONFLICT', 'keys are bound to this agent', 'bind them to another one first');
      audit(em, context, { action: 'deleteAgent', targetId: id, targetLabel: agent.slug, before: toAgent(agent), after: null });
      em.remove(agent);
      await appendConfigChanges(em, [{ op: 'remove', kind: 'agent', id }]);
      return id;
    });
  }
}

/** In the order of the list, so that it goes on behind an agent that has gone meanwhile. */
function placeOf({ kind, slug, id }: Agent): string {
  if (kind === 'CUSTOM') return `1 ${id}`;
  const index = PREDEFINED_AGENTS.findIndex((agent) => agent.slug === slug);
  return `0 ${String(index).padStart(4, '0')}`;
}

function predefinedOf({ caller }: AdminContext, id: string) {
  return PREDEFINED_AGENTS.find((agent) => idOfPredefined(caller.organisationId, agent) === id);
}

/** A predefined agent before its first change, or NOT_FOUND. */
function mapped(em: EntityManager, context: AdminContext, id: string): StoredAgent {
  const predefined = predefinedOf(context, id);
  if (predefined === undefined) throw notFound('id', 'agent');
  const { slug, name } = predefined;
  return em.create(AgentEntity, { id, organisationId: context.caller.organisationId, slug, name, kind: 'PREDEFINED', clients: [], version: 0 });
}

async function freeSlug(em: EntityManager, slug: string): Promise<string> {
  const isTaken = PREDEFINED_AGENTS.some((agent) => agent.slug === slug) || (await em.count(AgentEntity, { slug })) > 0;
  if (isTaken) throw refuseInput(['slug'], 'TAKEN', `the slug ${slug} is taken`);
  return slug;
}

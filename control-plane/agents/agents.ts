/** The agents of an organisation: those that come with the product, mapped or not, and its own. */
import { hash } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { AgentKind } from '../../shared/agent.ts';
import { derivedId } from '../../shared/ids.ts';
import { AgentEntity, type StoredAgent, type StoredAgentClient } from './agent.entity.ts';
import { PREDEFINED_AGENTS, type PredefinedAgent } from './predefined-agents.ts';

export interface Agent {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly kind: AgentKind;
  readonly mode: 'ENFORCE' | 'OBSERVE';
  readonly clients: readonly StoredAgentClient[];
  /** Zero while a predefined agent was never mapped. */
  readonly version: number;
  readonly createdAt: Date | null;
  readonly updatedAt: Date | null;
}

/** Those that come with the product first, then the organisation's own, the oldest first. */
export async function allAgents(em: EntityManager, organisationId: string): Promise<Agent[]> {
  const stored = await em.find(AgentEntity, {}, { orderBy: { id: 'asc' } });
  const mapped = new Map(stored.map((agent) => [agent.id, agent]));
  const predefined = PREDEFINED_AGENTS.map((agent) => toAgent(mapped.get(idOfPredefined(organisationId, agent)) ?? unmapped(organisationId, agent)));
  return [...predefined, ...stored.filter(({ kind }) => kind === 'CUSTOM').map(toAgent)];
}

/** Those of the ids that there are, in no order. */
export async function findAgents(em: EntityManager, organisationId: string, ids: readonly string[]): Promise<Agent[]> {
  const stored = await em.find(AgentEntity, { id: { $in: [...ids] } });
  const found = new Set(stored.map(({ id }) => id));
  const others = PREDEFINED_AGENTS.map((agent) => unmapped(organisationId, agent)).filter(({ id }) => ids.includes(id) && !found.has(id));
  return [...stored.map(toAgent), ...others];
}

export async function findAgent(em: EntityManager, organisationId: string, id: string): Promise<Agent | null> {
  return (await findAgents(em, organisationId, [id]))[0] ?? null;
}

export function toAgent({ id, slug, name, kind, mode, clients, version, createdAt, updatedAt }: StoredAgent | Agent): Agent {
  return { id, slug, name, kind, mode, clients, version, createdAt, updatedAt };
}

/** By which names the agent's clients go without a pattern; nothing for an organisation's own. */
export function knownNamesOf({ kind, slug }: Pick<Agent, 'kind' | 'slug'>): Pick<PredefinedAgent, 'clientNames' | 'userAgents'> {
  const predefined = kind === 'PREDEFINED' ? PREDEFINED_AGENTS.find((agent) => agent.slug === slug) : undefined;
  return predefined ?? { clientNames: [], userAgents: [] };
}

/** Each organisation has its own id for it, always the same, so that it can be named before anything is stored of it. */
export function idOfPredefined(organisationId: string, { slug }: Pick<PredefinedAgent, 'slug'>): string {
  return derivedId('agent', hash('sha256', `${organisationId}\n${slug}`, 'buffer'));
}

function unmapped(organisationId: string, agent: PredefinedAgent): Agent {
  const { slug, name } = agent;
  return {
    id: idOfPredefined(organisationId, agent),
    slug,
    name,
    kind: 'PREDEFINED',
    mode: 'ENFORCE',
    clients: [],
    version: 0,
    createdAt: null,
    updatedAt: null,
  };
}

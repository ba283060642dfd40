/** An agent as an organisation has it: one of its own, or a predefined one that it has mapped. */
import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import type { AgentKind } from '../../shared/agent.ts';
import { tenantFilter } from '../database/tenant-filter.ts';

/** One way in which an agent comes, with the servers that it may call so. */
export interface StoredAgentClient {
  readonly id: string;
  readonly name: string;
  /** Null for the names by which a predefined agent is known. */
  readonly clientNamePattern: string | null;
  readonly versionRange: string | null;
  readonly allowedServerIds: readonly string[];
}

export const AgentEntity = defineEntity({
  name: 'Agent',
  tableName: 'agents',
  filters: tenantFilter,
  properties: {
    id: p.string().primary(),
    organisationId: p.string(),
    slug: p.string(),
    name: p.string(),
    kind: p.string().$type<AgentKind>(),
    mode: p.string().$type<'ENFORCE' | 'OBSERVE'>().default('ENFORCE'),
    clients: p.json<StoredAgentClient[]>(),
    version: p.integer().default(1),
    createdAt: p.datetime().defaultRaw('now()'),
    updatedAt: p.datetime().defaultRaw('now()'),
  },
});
export type StoredAgent = InferEntity<typeof AgentEntity>;

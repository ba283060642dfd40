/** Reads the clients that an agent is to have: every pattern compiles, and every server is one of the organisation. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import type { AgentKind } from '../../shared/agent.ts';
import { newId } from '../../shared/ids.ts';
import { namePatternSchema } from '../../shared/name-pattern.ts';
import { versionRangeSchema } from '../../shared/version-range.ts';
import { notFound, parseInput, refuseInput } from '../graphql/input-refused.ts';
import { McpServerEntity } from '../mcp-servers/mcp-server.entity.ts';
import type { StoredAgentClient } from './agent.entity.ts';

export interface AgentClientInput {
  /** Of a client that the agent has; null makes a new one. */
  readonly id: string | null;
  readonly name: string;
  readonly clientNamePattern: string | null;
  readonly versionRange: string | null;
  readonly allowedServerIds: readonly string[];
}

const CLIENTS_MAX = 20;
const SERVERS_MAX = 500;

const clientsSchema = z
  .array(
    z.strictObject({
      id: z.string().nullable(),
      name: z.string().trim().min(1, 'a name is needed').max(200),
      clientNamePattern: namePatternSchema.nullable(),
      versionRange: versionRangeSchema.nullable(),
      allowedServerIds: z.array(z.string()).max(SERVERS_MAX),
    }),
  )
  .max(CLIENTS_MAX);

/** A client that is left out of `input` is gone. */
export async function readAgentClients(
  em: EntityManager,
  { kind, clients: present }: { readonly kind: AgentKind; readonly clients: readonly StoredAgentClient[] },
  input: readonly AgentClientInput[],
): Promise<StoredAgentClient[]> {
  const clients = parseInput(clientsSchema, input, ['clients']);
  requireDifferentIds(clients, present);
  const isUnnamed = clients.findIndex(({ clientNamePattern }) => clientNamePattern === null);
  if (kind === 'CUSTOM' && isUnnamed !== -1)
    throw refuseInput(['clients', String(isUnnamed), 'clientNamePattern'], 'REQUIRED', 'only predefined agents have clients that are known without a pattern');
  await requireServers(em, clients);
  return clients.map(({ id, allowedServerIds, ...client }) => ({
    id: id ?? newId('agentClient'),
    ...client,
    allowedServerIds: [...new Set(allowedServerIds)],
  }));
}

function requireDifferentIds(clients: readonly AgentClientInput[], present: readonly StoredAgentClient[]): void {
  const left = new Set(present.map(({ id }) => id));
  for (const [index, { id }] of clients.entries())
    if (id !== null && !left.delete(id)) throw notFound(['clients', String(index), 'id'], 'client of this agent');
}

async function requireServers(em: EntityManager, clients: readonly AgentClientInput[]): Promise<void> {
  const wanted = [...new Set(clients.flatMap(({ allowedServerIds }) => allowedServerIds))];
  if (wanted.length === 0) return;
  const found = new Set((await em.find(McpServerEntity, { id: { $in: wanted } }, { fields: ['id'] })).map(({ id }) => id));
  for (const [index, { allowedServerIds }] of clients.entries()) {
    const place = allowedServerIds.findIndex((id) => !found.has(id));
    if (place !== -1) throw notFound(['clients', String(index), 'allowedServerIds', String(place)], 'server');
  }
}

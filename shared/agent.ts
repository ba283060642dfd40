/** An agent as a data plane needs it: the clients that count as it, and the servers that each of them may call. */
import { z } from 'zod';
import { namePatternSchema } from './name-pattern.ts';
import { versionRangeSchema } from './version-range.ts';

export const AGENT_KINDS = ['PREDEFINED', 'CUSTOM'] as const;
export type AgentKind = (typeof AGENT_KINDS)[number];

/** What clients get that count as no agent of the organisation. */
export const UNKNOWN_CLIENTS = ['ALLOW', 'OBSERVE', 'DENY'] as const;
export type UnknownClients = (typeof UNKNOWN_CLIENTS)[number];

export const agentClientSchema = z.strictObject({
  id: z.string(),
  /** One of them must fit what the client calls itself. */
  clientNames: z.array(namePatternSchema),
  /** Asked in place of the names where a client does not say what it is called. */
  userAgents: z.array(namePatternSchema),
  /** Null for every version. */
  versionRange: versionRangeSchema.nullable(),
  serverIds: z.array(z.string()),
});
export type AgentClient = z.infer<typeof agentClientSchema>;

export const agentSchema = z.strictObject({
  id: z.string(),
  organisationId: z.string(),
  kind: z.enum(AGENT_KINDS),
  name: z.string(),
  mode: z.enum(['ENFORCE', 'OBSERVE']),
  clients: z.array(agentClientSchema),
});
export type Agent = z.infer<typeof agentSchema>;

/** The servers of an agent are those of all its clients together. */
export function isMappedTo(agent: Agent, serverId: string): boolean {
  return agent.clients.some(({ serverIds }) => serverIds.includes(serverId));
}

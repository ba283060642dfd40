/** The table of the authorisation matrix: one row for each query, mutation and subscription, and for each field that asks for a permission itself. */
/*
 * To add an operation, write its row into the file of its noun under `matrix/`, or into a new one that is spread below:
 *
 *   'Query.agents': query('ADMINISTRATOR'),
 *   'Query.agent': query('ADMINISTRATOR', ({ agent }) => ({ id: agent }), ({ agent }) => ({ id: agent })),
 *   'Mutation.updateAgent': mutation('AGENT_CONFIGURE', ({ agent }) => ({ id: agent }), ({ agent }) => ({ id: agent, name: 'mine now' })),
 *
 * First what it needs, as its description says; then the smallest valid arguments (of a mutation: its input) out of an
 * organisation that has one of everything (`matrix/world.ts`: add yours to `Ids`, `unknownIds` and `buildWorld`); then, for
 * each argument that takes an id, arguments with the id of another organisation in that place. The rows share one
 * organisation, so what a mutation takes away or spoils it makes for itself. What a field below the roots needs stands in FIELDS.
 */
import { AGENTS } from './matrix/agents.ts';
import { CATALOGUE, NODES } from './matrix/catalogue.ts';
import { DATA_PLANES } from './matrix/data-planes.ts';
import { EXPLANATIONS } from './matrix/explanations.ts';
import { KEYS } from './matrix/keys.ts';
import { LIMITS, POLICIES } from './matrix/limits.ts';
import { PEOPLE, SESSIONS } from './matrix/people.ts';
import type { FieldRow, Rows } from './matrix/row.ts';
import { SERVERS } from './matrix/servers.ts';
import { TOOLS } from './matrix/tools.ts';
import { ALERTS, AUDIT, EXPORTS, USAGE } from './matrix/usage.ts';

export const ROWS: Rows = {
  ...SERVERS,
  ...TOOLS,
  ...KEYS,
  ...AGENTS,
  ...POLICIES,
  ...LIMITS,
  ...PEOPLE,
  ...SESSIONS,
  ...USAGE,
  ...AUDIT,
  ...EXPORTS,
  ...ALERTS,
  ...DATA_PLANES,
  ...EXPLANATIONS,
  ...CATALOGUE,
  ...NODES,
};

export const FIELDS: Readonly<Record<string, FieldRow>> = {
  'Agent.usage': { needs: 'USAGE_READ', document: '{ agents { nodes { usage(range: {}) { calls } } } }' },
  'AgentClient.lastSeenAt': { needs: 'USAGE_READ', document: '{ agents(kind: CUSTOM) { nodes { clients { lastSeenAt } } } }' },
  'AgentClient.callCount24h': { needs: 'USAGE_READ', document: '{ agents(kind: CUSTOM) { nodes { clients { callCount24h } } } }' },
  'McpServer.usage': { needs: 'USAGE_READ', document: '{ servers { nodes { usage(range: {}) { calls } } } }' },
  'ApiKey.usage': { needs: 'USAGE_READ', document: '{ apiKeys { nodes { usage(range: {}) { calls } } } }' },
  'Budget.history': { needs: 'USAGE_READ', document: '{ budgets { nodes { history { used } } } }' },
};

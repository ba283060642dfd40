/** Which type an id is of, by what it begins with. */
import { ID_PREFIXES, type IdKind } from '../../shared/ids.ts';

/** The kinds that are found by their ids. Limits are budgets or quotas. */
export const NODE_NAMES = {
  organisation: 'Organisation',
  team: 'Team',
  user: 'User',
  membership: 'Membership',
  role: 'Role',
  invitation: 'Invitation',
  session: 'Session',
  adminToken: 'AdminToken',
  apiKey: 'ApiKey',
  mcpServer: 'McpServer',
  tool: 'Tool',
  catalogEntry: 'CatalogEntry',
  installRequest: 'InstallRequest',
  accessGrant: 'AccessGrant',
  policy: 'Policy',
  limit: 'Budget',
  agent: 'Agent',
  agentClient: 'AgentClient',
  usageRecord: 'UsageRecord',
  auditEvent: 'AuditEvent',
  dataPlane: 'DataPlane',
  alert: 'Alert',
  export: 'Export',
} as const satisfies Partial<Record<IdKind, string>>;
export type NodeKind = keyof typeof NODE_NAMES;

const KINDS: ReadonlyMap<string, NodeKind> = new Map(kinds().map((kind) => [ID_PREFIXES[kind], kind]));

function kinds(): NodeKind[] {
  return Object.keys(NODE_NAMES).filter(isNodeKind);
}

function isNodeKind(text: string): text is NodeKind {
  return text in NODE_NAMES;
}

/** Undefined for what is no such id. Roles that come with the product have their names for ids. */
export function kindOfId(id: string): NodeKind | undefined {
  return /^[A-Z_]+$/.test(id) ? 'role' : KINDS.get(id.slice(0, id.indexOf('_')));
}

export function typeOfNode({ id, metric }: { readonly id: string; readonly metric?: string }): string | undefined {
  const kind = kindOfId(id);
  if (kind === 'limit') return metric === 'NANO_USD' ? 'Budget' : 'Quota';
  return kind === undefined ? undefined : NODE_NAMES[kind];
}

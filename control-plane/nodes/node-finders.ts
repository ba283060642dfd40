/** How objects of each kind are found by their ids: those of the caller's organisation that he may see, and of others nothing. */
import { AccessGrantEntity } from '../access-grants/access-grant.entity.ts';
import type { Permission } from '../access/permissions.ts';
import { AdminTokenEntity } from '../access/tokens.entity.ts';
import { allAgents, findAgents } from '../agents/agents.ts';
import { ApiKeyEntity } from '../api-keys/api-key.entity.ts';
import { toAuditEvent } from '../audit/audit-event.ts';
import { InstallRequestEntity } from '../catalog/install-request.entity.ts';
import { visibleTo } from '../catalog/install-requests.service.ts';
import { ExportEntity } from '../exports/export.entity.ts';
import { EXPORT_SOURCES } from '../exports/export-sources.ts';
import { McpServerEntity } from '../mcp-servers/mcp-server.entity.ts';
import { InvitationEntity } from '../members/invitation.entity.ts';
import { MembershipEntity } from '../members/membership.entity.ts';
import { UserEntity } from '../members/user.entity.ts';
import { LimitEntity } from '../money/limit.entity.ts';
import { OrganisationEntity } from '../organisations/organisation.entity.ts';
import { PolicyEntity } from '../policies/policy.entity.ts';
import type { AdminContext } from '../request-context.ts';
import { findRoles } from '../roles/roles.ts';
import { SessionEntity } from '../sessions/session.entity.ts';
import { endOfSession } from '../sessions/session-life.ts';
import { TeamEntity } from '../teams/team.entity.ts';
import { ToolEntity } from '../tools/tool.entity.ts';
import { toUsageRecord } from '../usage/usage-record.ts';
import type { NodeKind } from './node-names.ts';

export interface FoundNode {
  readonly id: string;
}

interface Finder {
  /** Whoever lacks it finds nothing. */
  readonly permission?: Permission;
  readonly find: (context: AdminContext, ids: string[]) => Promise<readonly FoundNode[]>;
}

export const NODE_FINDERS: Readonly<Record<NodeKind, Finder>> = {
  organisation: { find: ({ em, caller }, ids) => em.find(OrganisationEntity, { $and: [{ id: { $in: ids } }, { id: caller.organisationId }] }) },
  team: { find: ({ em }, ids) => em.find(TeamEntity, { id: { $in: ids } }) },
  user: { permission: 'MEMBER_MANAGE', find: ({ em }, ids) => em.find(UserEntity, { id: { $in: ids } }) },
  membership: { permission: 'MEMBER_MANAGE', find: ({ em }, ids) => em.find(MembershipEntity, { id: { $in: ids } }) },
  role: { find: ({ em }, ids) => findRoles(em, ids) },
  // The setup link is nobody's invitation.
  invitation: { permission: 'MEMBER_MANAGE', find: ({ em }, ids) => em.find(InvitationEntity, { id: { $in: ids }, email: { $ne: null } }) },
  session: { find: findSessions },
  adminToken: {
    permission: 'MEMBER_MANAGE',
    find: ({ em, caller: { organisationId } }, ids) => em.find(AdminTokenEntity, { id: { $in: ids }, organisationId }),
  },
  apiKey: { find: ({ em }, ids) => em.find(ApiKeyEntity, { id: { $in: ids } }) },
  mcpServer: { find: ({ em }, ids) => em.find(McpServerEntity, { id: { $in: ids } }) },
  tool: { find: ({ em }, ids) => em.find(ToolEntity, { id: { $in: ids } }) },
  catalogEntry: { find: ({ em, services }, ids) => services.catalog.findAll(em, ids) },
  installRequest: { find: (context, ids) => context.em.find(InstallRequestEntity, { id: { $in: ids }, ...visibleTo(context) }) },
  accessGrant: { find: ({ em }, ids) => em.find(AccessGrantEntity, { id: { $in: ids } }) },
  policy: { find: ({ em }, ids) => em.find(PolicyEntity, { id: { $in: ids } }) },
  limit: { find: ({ em }, ids) => em.find(LimitEntity, { id: { $in: ids } }) },
  agent: { find: ({ em, caller }, ids) => findAgents(em, caller.organisationId, ids) },
  agentClient: {
    find: async ({ em, caller }, ids) => (await allAgents(em, caller.organisationId)).flatMap(({ clients }) => clients).filter(({ id }) => ids.includes(id)),
  },
  alert: { permission: 'USAGE_READ', find: ({ em, services }, ids) => services.alerts.findAll(em, ids) },
  export: {
    find: async ({ em, caller }, ids) =>
      (await em.find(ExportEntity, { id: { $in: ids } })).filter(({ kind }) => caller.permissions.has(EXPORT_SOURCES[kind].permission)),
  },
  usageRecord: { permission: 'USAGE_READ', find: async (context, ids) => (await context.services.usageRecords.findAll(context, ids)).map(toUsageRecord) },
  auditEvent: { permission: 'AUDIT_READ', find: async (context, ids) => (await context.services.auditEvents.findAll(context, ids)).map(toAuditEvent) },
  dataPlane: {
    find: async ({ em, caller, services }, ids) => (await services.dataPlanes.list(em, caller.organisationId)).filter(({ id }) => ids.includes(id)),
  },
};

/** One's own, as long as they are good. */
async function findSessions({ em, caller: { actor } }: AdminContext, ids: string[]): Promise<readonly FoundNode[]> {
  const sessions = await em.find(SessionEntity, { id: { $in: ids }, userId: actor.id });
  return sessions.filter((session) => endOfSession(session) > Date.now());
}

/** Every entity, listed by hand. */
import { AccessGrantEntity } from '../access-grants/access-grant.entity.ts';
import { AdminTokenEntity, DataPlaneTokenEntity } from '../access/tokens.entity.ts';
import { AgentEntity } from '../agents/agent.entity.ts';
import { AlertEntity } from '../alerts/alert.entity.ts';
import { ApiKeyEntity } from '../api-keys/api-key.entity.ts';
import { AuditEventEntity } from '../audit/audit-event.entity.ts';
import { CatalogEntryEntity } from '../catalog/catalog-entry.entity.ts';
import { InstallRequestEntity } from '../catalog/install-request.entity.ts';
import { DataPlaneEntity } from '../data-planes/data-plane.entity.ts';
import { ExportEntity } from '../exports/export.entity.ts';
import { McpServerEntity } from '../mcp-servers/mcp-server.entity.ts';
import { LimitReconciliationEntity } from '../money/limit-reconciliation.entity.ts';
import { MembershipEntity } from '../members/membership.entity.ts';
import { InvitationEntity } from '../members/invitation.entity.ts';
import { UserEntity } from '../members/user.entity.ts';
import { LimitEntity } from '../money/limit.entity.ts';
import { OrganisationEntity } from '../organisations/organisation.entity.ts';
import { PolicyEntity } from '../policies/policy.entity.ts';
import { RoleEntity } from '../roles/role.entity.ts';
import { SessionEntity } from '../sessions/session.entity.ts';
import { ServerHealthEntity } from '../server-health/server-health.entity.ts';
import { TeamEntity } from '../teams/team.entity.ts';
import { ToolEntity } from '../tools/tool.entity.ts';
import { OauthClientEntity } from '../upstream-oauth/oauth-client.entity.ts';
import { OauthFlowEntity } from '../upstream-oauth/oauth-flow.entity.ts';
import { UpstreamConnectionEntity } from '../upstream-oauth/upstream-connection.entity.ts';

export const ENTITIES = [
  AccessGrantEntity,
  AdminTokenEntity,
  AgentEntity,
  AlertEntity,
  ApiKeyEntity,
  AuditEventEntity,
  CatalogEntryEntity,
  DataPlaneEntity,
  DataPlaneTokenEntity,
  InstallRequestEntity,
  ExportEntity,
  InvitationEntity,
  LimitEntity,
  LimitReconciliationEntity,
  McpServerEntity,
  MembershipEntity,
  OauthClientEntity,
  OauthFlowEntity,
  OrganisationEntity,
  PolicyEntity,
  RoleEntity,
  ServerHealthEntity,
  SessionEntity,
  TeamEntity,
  UpstreamConnectionEntity,
  UserEntity,
  ToolEntity,
];

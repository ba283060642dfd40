/** Assembles the schema from its resolvers, listed by hand. */
import 'reflect-metadata';
import { createPubSub } from '@graphql-yoga/subscription';
import { assertInputObjectType, type GraphQLSchema } from 'graphql/index.js';
import { buildSchemaSync } from 'type-graphql';
import { AccessGrantsResolver } from './access-grants/access-grants.resolver.ts';
import { AdminTokensResolver } from './admin-tokens/admin-tokens.resolver.ts';
import {
  AgentClientFieldsResolver,
  AgentFieldsResolver,
  ApiKeyAgentResolver,
  UnmappedClientFieldsResolver,
  UsageRecordAgentResolver,
} from './agents/agent-fields.resolver.ts';
import { AgentsResolver } from './agents/agents.resolver.ts';
import { ApiKeyFieldsResolver } from './api-keys/api-key-fields.resolver.ts';
import { AlertsResolver } from './alerts/alerts.resolver.ts';
import { ApiKeysResolver } from './api-keys/api-keys.resolver.ts';
import { AuditResolver } from './audit/audit.resolver.ts';
import { CatalogResolver } from './catalog/catalog.resolver.ts';
import { InstallRequestsResolver } from './catalog/install-requests.resolver.ts';
import { ClientSnippetsResolver } from './client-snippets/client-snippets.resolver.ts';
import { ConfigFeedResolver } from './config-feed/config-feed.resolver.ts';
import { ContentFiltersResolver } from './content/content-filters.resolver.ts';
import { DataPlanesResolver } from './data-planes/data-planes.resolver.ts';
import { AccessExplanationFieldsResolver, ExplainResolver } from './explain/explain.resolver.ts';
import { ExportsResolver } from './exports/exports.resolver.ts';
import { McpServerFieldsResolver } from './mcp-servers/mcp-server-fields.resolver.ts';
import { McpServersResolver } from './mcp-servers/mcp-servers.resolver.ts';
import { ServerListsResolver } from './mcp-servers/server-lists.resolver.ts';
import { InvitationFieldsResolver, MembershipFieldsResolver, UserFieldsResolver } from './members/member-fields.resolver.ts';
import { MembersResolver } from './members/members.resolver.ts';
import { BudgetFieldsResolver, LimitFieldsResolver, QuotaFieldsResolver } from './money/limit-fields.resolver.ts';
import { LimitsResolver } from './money/limits.resolver.ts';
import { LimitReconciliationsResolver } from './money/reconciliations.resolver.ts';
import { NodesResolver } from './nodes/nodes.resolver.ts';
import { OrganisationsResolver } from './organisations/organisations.resolver.ts';
import { PlaygroundResolver } from './playground/playground.resolver.ts';
import { PoliciesResolver } from './policies/policies.resolver.ts';
import { RolesResolver } from './roles/roles.resolver.ts';
import { SessionsResolver } from './sessions/sessions.resolver.ts';
import { SimulationResolver } from './simulation/simulation.resolver.ts';
import { TeamsResolver } from './teams/teams.resolver.ts';
import { DeadLettersResolver } from './usage-intake/dead-letters.resolver.ts';
import { ServerHealthResolver } from './server-health/server-health.resolver.ts';
import { ServerImportResolver } from './server-import/server-import.resolver.ts';
import { ServerProbeResolver } from './server-probe/server-probe.resolver.ts';
import { ToolFieldsResolver } from './tools/tool-fields.resolver.ts';
import { ToolsResolver } from './tools/tools.resolver.ts';
import { RuleRefResolver } from './usage/rule-ref.resolver.ts';
import { UsageAnalyticsResolver } from './usage/usage-analytics.resolver.ts';
import { AgentUsageResolver, ApiKeyUsageResolver, ServerUsageResolver } from './usage/usage-fields.resolver.ts';
import { UsageResolver } from './usage/usage.resolver.ts';
import { UsageTickResolver } from './usage/usage-tick.resolver.ts';
import { OAuthConnectionsResolver } from './upstream-oauth/oauth-connections.resolver.ts';
import { UpstreamTokensResolver } from './upstream-oauth/upstream-tokens.resolver.ts';

/** Inputs of which exactly one member is given; the library has no decorator for it. */
const ONE_OF_INPUTS: readonly string[] = ['AuthConfigInput', 'CatalogReachInput', 'DraftRuleInput', 'ServerScopeInput'];

export function makeSchema(): GraphQLSchema {
  const schema = buildSchemaSync({
    resolvers: [
      AccessGrantsResolver,
      AdminTokensResolver,
      AgentClientFieldsResolver,
      AgentFieldsResolver,
      AgentsResolver,
      AgentUsageResolver,
      ApiKeyAgentResolver,
      ApiKeyFieldsResolver,
      AlertsResolver,
      ApiKeysResolver,
      AuditResolver,
      BudgetFieldsResolver,
      ApiKeyUsageResolver,
      CatalogResolver,
      ClientSnippetsResolver,
      ConfigFeedResolver,
      ContentFiltersResolver,
      DataPlanesResolver,
      DeadLettersResolver,
      InstallRequestsResolver,
      AccessExplanationFieldsResolver,
      ExplainResolver,
      ExportsResolver,
      InvitationFieldsResolver,
      LimitFieldsResolver,
      LimitReconciliationsResolver,
      LimitsResolver,
      McpServerFieldsResolver,
      McpServersResolver,
      MembershipFieldsResolver,
      MembersResolver,
      NodesResolver,
      OAuthConnectionsResolver,
      OrganisationsResolver,
      PlaygroundResolver,
      PoliciesResolver,
      QuotaFieldsResolver,
      RolesResolver,
      ServerHealthResolver,
      RuleRefResolver,
      ServerImportResolver,
      ServerListsResolver,
      ServerProbeResolver,
      ServerUsageResolver,
      SessionsResolver,
      SimulationResolver,
      TeamsResolver,
      ToolFieldsResolver,
      ToolsResolver,
      UpstreamTokensResolver,
      UnmappedClientFieldsResolver,
      UsageAnalyticsResolver,
      UsageRecordAgentResolver,
      UsageResolver,
      UsageTickResolver,
      UserFieldsResolver,
    ],
    // Inputs are validated by the services, whose faults never echo a value.
    validate: false,
    // Demanded by the library; our subscriptions read from the store, so that nothing is lost between processes.
    pubSub: createPubSub(),
  });
  for (const name of ONE_OF_INPUTS) assertInputObjectType(schema.getType(name)).isOneOf = true;
  return schema;
}

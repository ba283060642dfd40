/** Assembles the schema from its resolvers, listed by hand. */
import 'reflect-metadata';
import { createPubSub } from '@graphql-yoga/subscription';
import type { GraphQLSchema } from 'graphql/index.js';
import { buildSchemaSync } from 'type-graphql';
import { AccessGrantsResolver } from './access-grants/access-grants.resolver.ts';
import { ApiKeysResolver } from './api-keys/api-keys.resolver.ts';
import { ConfigFeedResolver } from './config-feed/config-feed.resolver.ts';
import { DataPlanesResolver } from './data-planes/data-planes.resolver.ts';
import { McpServersResolver } from './mcp-servers/mcp-servers.resolver.ts';
import { OrganisationsResolver } from './organisations/organisations.resolver.ts';
import { PoliciesResolver } from './policies/policies.resolver.ts';
import { TeamsResolver } from './teams/teams.resolver.ts';
import { UsageResolver } from './usage/usage.resolver.ts';

export function makeSchema(): GraphQLSchema {
  return buildSchemaSync({
    resolvers: [AccessGrantsResolver, ApiKeysResolver, ConfigFeedResolver, DataPlanesResolver, McpServersResolver, OrganisationsResolver, PoliciesResolver, TeamsResolver, UsageResolver],
    // Inputs are validated by the services, whose faults never echo a value.
    validate: false,
    // Demanded by the library; our subscriptions read from the store, so that nothing is lost between processes.
    pubSub: createPubSub(),
  });
}

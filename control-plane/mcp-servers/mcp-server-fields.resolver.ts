/** The fields of a server that are made of what is stored, or stand elsewhere. */
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { Arg, Ctx, FieldResolver, Info, Int, Resolver, Root } from 'type-graphql';
import { formatNanos, formatUsdPerMillion } from '../../shared/nanos-usd.ts';
import type { UnitPrices } from '../../shared/pricing.ts';
import { AccessGrantConnection, type AccessGrantType } from '../access-grants/access-grant.types.ts';
import { ApiKeyType } from '../api-keys/api-key.types.ts';
import { CatalogEntryType } from '../catalog/catalog.types.ts';
import { PAGE_DEFAULT, readPage, selects, type Connection } from '../graphql/connection.ts';
import { PolicyType } from '../policies/policy.types.ts';
import type { RequestContext } from '../request-context.ts';
import { TeamType } from '../teams/team.types.ts';
import { gatewayUrlOf } from './gateway-url.ts';
import type { McpServer } from './mcp-server.entity.ts';
import type { OAuth2Auth } from './stored-auth.ts';
import { LIMIT_FIELDS, shownLimits } from './server-limits.ts';
import { ServerLimitsType } from './server-limits.types.ts';
import { McpServerType, SERVER_SCOPE } from './mcp-server.types.ts';
import { AUTH_TYPE, AuthConfig } from './server-auth.types.ts';
import { PricingType } from './server-pricing.types.ts';

@Resolver(() => McpServerType)
export class McpServerFieldsResolver {
  @FieldResolver(() => [String], { description: 'Names of its environment variables; the values are secrets.' })
  stdioEnvKeys(@Root() server: McpServer): string[] {
    return Object.keys(server.stdioEnv);
  }

  @FieldResolver(() => AuthConfig, { description: 'How Turnpike signs in there.' })
  auth(@Root() server: McpServer): AuthConfig {
    const { auth } = server;
    const fields = server.secretFields.filter(({ name }) => name.startsWith('auth.'));
    return {
      type: auth.type,
      configured: true,
      header: auth.type === 'API_KEY' ? auth.header : null,
      username: auth.type === 'BASIC' ? auth.username : null,
      ...(auth.type === 'OAUTH2' ? shownOAuth2(auth) : NO_OAUTH2),
      serverId: server.id,
      secretFields: fields.map(({ name, fingerprint, updatedAt }) => ({ name, fingerprint, set: true, updatedAt: new Date(updatedAt) })),
    };
  }

  @FieldResolver(() => SERVER_SCOPE, { description: 'Which granted keys may call.' })
  scope(@Root() server: McpServer): keyof typeof SERVER_SCOPE {
    if (server.teamId != null) return 'TEAM';
    return server.apiKeyId == null ? 'ORGANISATION' : 'API_KEY';
  }

  @FieldResolver(() => PricingType, { description: 'What a call costs.' })
  pricing(@Root() server: McpServer): PricingType {
    const { pricing } = server;
    return {
      ...nanosOf(pricing),
      usdPerMillionCalls: formatUsdPerMillion(BigInt(pricing.callFemtosUsd)),
      usdPerMillionInputBytes: formatUsdPerMillion(BigInt(pricing.inputByteFemtosUsd)),
      usdPerMillionOutputBytes: formatUsdPerMillion(BigInt(pricing.outputByteFemtosUsd)),
      pricedMethods: pricing.pricedMethods,
      toolOverrides: Object.entries(pricing.toolOverrides).map(([tool, prices]) => ({ tool, ...nanosOf(prices) })),
      updatedAt: server.pricedAt ?? null,
    };
  }

  @FieldResolver(() => ServerLimitsType, { description: 'What it may take of time, bytes and processes.' })
  limits(@Root() server: McpServer): ServerLimitsType {
    const overridden = LIMIT_FIELDS.filter(([, name]) => server.limits[name] !== undefined).map(([field]) => field);
    return { ...shownLimits(server), overridden };
  }

  @FieldResolver(() => String, { description: 'Where agents call it.' })
  gatewayUrl(@Root() server: McpServer, @Ctx() context: RequestContext): string {
    return gatewayUrlOf(context, server);
  }

  @FieldResolver(() => AUTH_TYPE, { description: 'The way in which Turnpike signs in there.' })
  authType(@Root() server: McpServer): keyof typeof AUTH_TYPE {
    return server.auth.type;
  }

  @FieldResolver(() => TeamType, { nullable: true, description: 'The team whose keys may call.' })
  team(@Root() { teamId }: McpServer, @Ctx() { loaders }: RequestContext): Promise<TeamType | null> {
    return teamId == null ? Promise.resolve(null) : loaders.teams.load(teamId);
  }

  @FieldResolver(() => ApiKeyType, { nullable: true, description: 'The one key that may call.' })
  apiKey(@Root() { apiKeyId }: McpServer, @Ctx() { loaders }: RequestContext): Promise<ApiKeyType | null> {
    return apiKeyId == null ? Promise.resolve(null) : loaders.apiKeys.load(apiKeyId);
  }

  @FieldResolver(() => PolicyType, { nullable: true, description: 'The policy that holds for every call of it.' })
  policy(@Root() { id }: McpServer, @Ctx() { loaders }: RequestContext): Promise<PolicyType | null> {
    return loaders.policies.load(id);
  }

  @FieldResolver(() => CatalogEntryType, { nullable: true, description: 'The entry that it was installed from; null once that is gone.' })
  catalogEntry(@Root() { catalogEntryId }: McpServer, @Ctx() { loaders }: RequestContext): Promise<CatalogEntryType | null> {
    return catalogEntryId == null ? Promise.resolve(null) : loaders.catalogEntries.load(catalogEntryId);
  }

  @FieldResolver(() => Int, { description: 'How many keys hold a grant for it.' })
  grantedKeyCount(@Root() { id }: McpServer, @Ctx() { loaders }: RequestContext): Promise<number> {
    return loaders.grantCounts.load(id);
  }

  @FieldResolver(() => AccessGrantConnection, { description: 'Grants for it, oldest first.' })
  grants(
    @Root() { id }: McpServer,
    @Ctx() { loaders }: RequestContext,
    @Arg('first', () => Int, { defaultValue: PAGE_DEFAULT }) first: number,
    @Arg('after', () => String, { nullable: true }) after: string | null,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<AccessGrantType>> {
    return loaders.grantsOfServers.load({ ownerId: id, page: readPage(first, after), isCounted: selects(info, 'totalCount') });
  }
}

const NO_OAUTH2 = { oauthMode: null, tokenUrl: null, clientId: null, scope: null, audience: null, resource: null } as const;

function shownOAuth2({
  mode: oauthMode,
  tokenUrl,
  clientId,
  scope,
  audience,
  resource,
}: OAuth2Auth): Omit<AuthConfig, 'type' | 'configured' | 'header' | 'username' | 'secretFields' | 'serverId'> {
  return { oauthMode, tokenUrl, clientId, scope, audience, resource };
}

function nanosOf(prices: UnitPrices): { callNanosUsd: string; inputByteNanosUsd: string; outputByteNanosUsd: string } {
  return {
    callNanosUsd: formatNanos(BigInt(prices.callFemtosUsd)),
    inputByteNanosUsd: formatNanos(BigInt(prices.inputByteFemtosUsd)),
    outputByteNanosUsd: formatNanos(BigInt(prices.outputByteFemtosUsd)),
  };
}

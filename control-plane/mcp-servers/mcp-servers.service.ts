/** The rules of servers: what may be changed, by whom, and that secrets are never touched by accident. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { ConfigChange } from '../../shared/config-document.ts';
import { newId } from '../../shared/ids.ts';
import { FREE } from '../../shared/pricing.ts';
import type { SecretSealer } from '../../shared/sealed-secret.ts';
import type { AccessGrantsService } from '../access-grants/access-grants.service.ts';
import { audit } from '../audit/audit.ts';
import { appendConfigChanges } from '../config-feed/change-log.ts';
import { readSemanticFilter, type SemanticFilterInput } from '../content/read-semantic-filter.ts';
import { readWebSearchPolicy, type WebSearchPolicyInput } from '../content/read-web-search-policy.ts';
import { inTransaction } from '../database/in-transaction.ts';
import { FOR_CHANGE, requireVersion } from '../database/version-check.ts';
import { notFound, refuseInput } from '../graphql/input-refused.ts';
import { readName } from '../graphql/names.ts';
import { readSlug } from '../graphql/slug.ts';
import { noteLiveChanges } from '../live/live-changes.ts';
import type { PoliciesService } from '../policies/policies.service.ts';
import type { AdminContext } from '../request-context.ts';
import { resetConnections } from '../upstream-oauth/upstream-connections.service.ts';
import { upsertOfMcpServer } from './mcp-server.document.ts';
import { McpServerEntity, type McpServer } from './mcp-server.entity.ts';
import { readLimits, requireFittingLimits } from './server-limits.ts';
import { requireOauth } from './server-oauth.ts';
import { readPricing, type PricingInput } from './server-pricing.ts';
import { requireAddress, requireFittingAuth, requireOriginKept, requireReach, type ReachBounds } from './server-reach.ts';
import { readToolNames } from './server-rules.ts';
import { scopeOf } from './server-scope.ts';
import { reviewChanges, type ToolReviewInput } from './server-tool-review.ts';
import { ServerSecrets, type AuthInput } from './server-secrets.ts';
import type { CreateServerInput, UpdateServerInput } from './mcp-server.inputs.ts';

/** Which server, and the version that the caller has seen. */
export interface Aim {
  readonly id: string;
  readonly expectedVersion: number | null;
  /** Answers what would be, and changes nothing. */
  readonly dryRun?: boolean;
  /** The input's field that named the server; `id` when not given. */
  readonly field?: string;
}

type Reaching = Pick<McpServer, 'transport' | 'endpointUrl' | 'stdioCommand' | 'stdioArgs' | 'stdioEnv' | 'stdioIsolation' | 'isPublic'>;

export class McpServersService {
  readonly #sealer: SecretSealer;
  readonly #bounds: ReachBounds;
  readonly #grants: AccessGrantsService;
  readonly #policies: PoliciesService;

  constructor(parts: { sealer: SecretSealer; bounds: ReachBounds; grants: AccessGrantsService; policies: PoliciesService }) {
    this.#sealer = parts.sealer;
    this.#bounds = parts.bounds;
    this.#grants = parts.grants;
    this.#policies = parts.policies;
  }

  find(context: AdminContext, by: { id: string } | { slug: string }): Promise<McpServer | null> {
    return context.em.findOne(McpServerEntity, by);
  }

  /** In no order; those that there are. */
  findAll(em: EntityManager, ids: readonly string[]): Promise<McpServer[]> {
    return em.find(McpServerEntity, { id: { $in: [...ids] } });
  }

  create(context: AdminContext, input: CreateServerInput): Promise<McpServer> {
    return inTransaction(context.em, input, (em) => this.createWithin(em, context, input, 'createServer'));
  }

  /** Within the caller's transaction, as part of the mutation that is named. */
  async createWithin(em: EntityManager, context: AdminContext, input: CreateServerInput, action: string): Promise<McpServer> {
    const server = await this.#make(em, context, input);
    await em.flush();
    await resetConnections(em, server, server.auth);
    audit(em, context, { action, targetId: server.id, targetLabel: server.slug, before: null, after: shown(server) });
    const changes: ConfigChange[] = [upsertOfMcpServer(server)];
    if (input.policy != null) changes.push(await this.#policies.put(em, context, { scope: 'MCP_SERVER', ownerId: server.id, policies: input.policy }));
    const pairs = [...new Set(input.grantTo)].map((apiKeyId) => ({ apiKeyId, serverId: server.id }));
    changes.push(...(await this.#grants.putAll(em, context, pairs, 'grantTo')));
    await appendConfigChanges(em, changes);
    return server;
  }

  async #make(em: EntityManager, context: AdminContext, input: CreateServerInput): Promise<McpServer> {
    const id = newId('mcpServer');
    const secrets = this.#secretsOf(context, id);
    const { auth, fields } = secrets.sealAuth(input.auth ?? { none: true });
    const environment = secrets.sealEnvironment(input.stdioEnv, 'stdioEnv');
    const name = readName(input.name);
    const server = em.create(McpServerEntity, {
      id,
      organisationId: context.caller.organisationId,
      name,
      slug: await this.#freeSlug(em, readSlug(input.slug, name), id),
      description: input.description,
      transport: input.transport,
      endpointUrl: input.endpointUrl,
      stdioCommand: input.stdioCommand,
      stdioArgs: [...input.stdioArgs],
      stdioEnv: environment.env,
      stdioIsolation: input.stdioIsolation ?? 'SHARED',
      auth,
      secretFields: [...fields, ...environment.fields],
      oauthRequired: input.oauthRequired,
      ...input.origin,
      enabled: input.enabled,
      isPublic: input.isPublic,
      ...(await scopeOf(em, input.scope)),
      allowedTools: readToolNames(input.allowedTools, 'allowedTools'),
      blockedTools: readToolNames(input.blockedTools, 'blockedTools'),
      semanticFilter: input.semanticFilter === null ? null : readSemanticFilter(input.semanticFilter),
      pricing: input.pricing === null ? FREE : readPricing(input.pricing),
      pricedAt: input.pricing === null ? null : new Date(),
      denialStyle: input.denialStyle ?? 'AUTO',
      limits: readLimits(input.limits, {}),
      toolPins: [],
      searchTools: [],
      metadata: input.metadata,
    });
    this.#requireReach(server);
    requireFittingAuth(server.transport, auth);
    requireOauth(server, 'enabled');
    requireFittingLimits(server);
    return server;
  }

  /** Only what is given changes; secrets change by their own names, in `stdioEnvSet` and `stdioEnvUnset`. */
  update(context: AdminContext, input: UpdateServerInput): Promise<McpServer> {
    return this.#change(context, 'updateServer', input, async (server, em) => {
      const { env, fields } = this.#secretsOf(context, server.id).sealEnvironment(input.stdioEnvSet, 'stdioEnvSet');
      const touched = new Set([...fields.map(({ name }) => name), ...input.stdioEnvUnset.map((name) => `stdioEnv.${name}`)]);
      const kept = Object.entries(server.stdioEnv).filter(([name]) => !input.stdioEnvUnset.includes(name));
      const changed = {
        ...input.changes,
        ...(input.slug === undefined ? {} : { slug: await this.#freeSlug(em, readSlug(input.slug, server.name), server.id) }),
        ...(input.changes.name === undefined ? {} : { name: readName(input.changes.name) }),
        ...(input.scope === undefined ? {} : await scopeOf(em, input.scope)),
        ...(input.limits === undefined ? {} : { limits: readLimits(input.limits, server.limits) }),
        stdioEnv: { ...Object.fromEntries(kept), ...env },
        secretFields: [...server.secretFields.filter(({ name }) => !touched.has(name)), ...fields],
      };
      this.#requireReach({ ...server, ...changed });
      requireFittingLimits({ ...server, ...changed });
      requireOauth({ ...server, ...changed }, 'oauthRequired');
      requireOriginKept(server.auth, { from: server.endpointUrl ?? null, to: changed.endpointUrl ?? server.endpointUrl ?? null });
      return changed;
    });
  }

  setEnabled(context: AdminContext, aim: Aim, enabled: boolean): Promise<McpServer> {
    return this.#change(context, 'setServerEnabled', aim, (server) => {
      // Whatever has become of the operator's list, a server can be switched off.
      if (enabled) this.#requireReach(server);
      requireOauth({ ...server, enabled }, 'enabled');
      return { enabled };
    });
  }

  setAuth(context: AdminContext, aim: Aim, input: AuthInput): Promise<McpServer> {
    return this.#change(context, 'setServerAuth', aim, async (server, em) => {
      const { auth, fields } = this.#secretsOf(context, server.id).sealAuth(input);
      requireFittingAuth(server.transport, auth);
      await resetConnections(em, server, auth);
      requireOauth({ ...server, auth }, 'auth');
      return { auth, secretFields: [...fields, ...server.secretFields.filter(({ name }) => !name.startsWith('auth.'))] };
    });
  }

  setToolRules(
    context: AdminContext,
    aim: Aim,
    rules: { allowedTools: readonly string[]; blockedTools: readonly string[]; mode: 'ENFORCE' | 'OBSERVE' },
  ): Promise<McpServer> {
    return this.#change(context, 'setToolRules', aim, () => ({
      allowedTools: readToolNames(rules.allowedTools, 'allowedTools'),
      blockedTools: readToolNames(rules.blockedTools, 'blockedTools'),
      toolRulesMode: rules.mode,
    }));
  }

  setToolReview(context: AdminContext, aim: Aim, input: ToolReviewInput): Promise<McpServer> {
    return this.#change(context, 'setToolReview', aim, (server) => reviewChanges(server, input));
  }

  setPricing(context: AdminContext, aim: Aim, pricing: PricingInput): Promise<McpServer> {
    return this.#change(context, 'setPricing', aim, (server) => ({ pricing: readPricing(pricing, server.pricing), pricedAt: new Date() }));
  }

  setSemanticFilter(context: AdminContext, aim: Aim, filter: SemanticFilterInput | null): Promise<McpServer> {
    return this.#change(context, 'setSemanticFilter', aim, () => ({ semanticFilter: filter === null ? null : readSemanticFilter(filter, 'filter') }));
  }

  /** Null takes the policy away: the server is no web-search server any more. */
  setWebSearchPolicy(context: AdminContext, aim: Aim, policy: WebSearchPolicyInput | null): Promise<McpServer> {
    return this.#change(context, 'setWebSearchPolicy', aim, () => ({ webSearchPolicy: policy === null ? null : readWebSearchPolicy(policy) }));
  }

  #change(
    context: AdminContext,
    action: string,
    aim: Aim,
    decide: (server: McpServer, em: EntityManager) => Partial<McpServer> | Promise<Partial<McpServer>>,
  ): Promise<McpServer> {
    return inTransaction(context.em, { dryRun: aim.dryRun === true }, async (em) => {
      const server = await em.findOne(McpServerEntity, { id: aim.id }, FOR_CHANGE);
      if (server === null) throw notFound(aim.field ?? 'id', 'server');
      requireVersion(server, aim.expectedVersion, 'server');
      const before = shown(server);
      em.assign(server, { ...(await decide(server, em)), version: server.version + 1, updatedAt: new Date() });
      audit(em, context, { action, targetId: server.id, targetLabel: server.slug, before, after: shown(server) });
      if (before['enabled'] !== server.enabled) await noteLiveChanges(em, 'SERVER', server.organisationId, [server.id]);
      await appendConfigChanges(em, [upsertOfMcpServer(server)]);
      return server;
    });
  }

  #secretsOf(context: AdminContext, serverId: string): ServerSecrets {
    return new ServerSecrets(this.#sealer, { organisationId: context.caller.organisationId, serverId });
  }

  #requireReach({ endpointUrl = null, stdioCommand = null, stdioEnv, isPublic, ...rest }: Reaching): void {
    requireReach({ ...rest, endpointUrl, stdioCommand, envNames: Object.keys(stdioEnv) }, this.#bounds.allowlist);
    if (endpointUrl !== null) requireAddress({ endpointUrl, isPublic }, this.#bounds.rules);
  }

  async #freeSlug(em: EntityManager, slug: string, serverId: string): Promise<string> {
    const holder = await em.findOne(McpServerEntity, { slug });
    if (holder !== null && holder.id !== serverId) throw refuseInput(['slug'], 'TAKEN', `the slug ${slug} is taken`);
    return slug;
  }
}

/** What the audit trail keeps: sealed values are left out, the fingerprints in `secretFields` say when one changed. */
export function shown(server: McpServer): Record<string, unknown> {
  const { auth, stdioEnv, toolPins: _drawnFromTools, searchTools: _drawnToo, ...rest } = { ...server };
  return { ...rest, authType: auth.type, stdioEnvKeys: Object.keys(stdioEnv) };
}

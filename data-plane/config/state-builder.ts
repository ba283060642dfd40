/** Builds the next configuration: starts from an older one or from nothing, takes changes one by one, and leaves the older one as it was. */
import { isDeepStrictEqual } from 'node:util';
import type { AccessGrant } from '../../shared/access-grant.ts';
import type { ApiKey } from '../../shared/api-key.ts';
import type { ConfigChange, ConfigRemoval, ConfigUpsert, OrganisationConfig, PolicyConfig } from '../../shared/config-document.ts';
import type { CompiledFilter } from '../../shared/content-filter/compiled-filter.ts';
import type { Limit } from '../../shared/limit.ts';
import type { McpServer } from '../../shared/mcp-server.ts';
import { GLOBAL_OWNER } from '../../shared/policy.ts';
import type { SecretSealer } from '../../shared/sealed-secret.ts';
import { compilePolicy, type CompiledPolicy } from '../policies/compiled-policy.ts';
import { AgentsDraft } from './agents-draft.ts';
import { BucketMapDraft } from './bucket-map.ts';
import { putOrganisationFilter } from './compile-own-filter.ts';
import { compileServer } from './compile-server.ts';
import { ConfigFault } from './config-fault.ts';
import type { ConfigState } from './config-state.ts';
import { CredentialDraft } from './credential-draft.ts';
import type { GovernedServer } from './governed-server.ts';
import { NestedMapDraft } from './nested-map-draft.ts';
import type { KeyMatch } from './snapshot.ts';

export class StateBuilder {
  readonly #sealer: SecretSealer;
  /** Asked for servers that may be taken over as they are. */
  readonly #previous: ConfigState;
  readonly #organisations: BucketMapDraft<OrganisationConfig>;
  readonly #organisationFilters: BucketMapDraft<CompiledFilter>;
  readonly #apiKeys: BucketMapDraft<ApiKey>;
  readonly #keysByHash: BucketMapDraft<KeyMatch>;
  readonly #mcpServers: BucketMapDraft<McpServer>;
  readonly #servers: NestedMapDraft<GovernedServer>;
  readonly #accessGrants: BucketMapDraft<AccessGrant>;
  readonly #grants: NestedMapDraft<AccessGrant>;
  readonly #policyConfigs: BucketMapDraft<PolicyConfig>;
  readonly #policies: BucketMapDraft<CompiledPolicy>;
  readonly #limitConfigs: BucketMapDraft<Limit>;
  readonly #limits: BucketMapDraft<readonly Limit[]>;
  readonly #credentials: CredentialDraft;
  readonly #agents: AgentsDraft;

  /** `base` is what the changes come on top of; `previous` what is in force now, often the same. */
  constructor(sealer: SecretSealer, { base, previous }: { readonly base: ConfigState; readonly previous: ConfigState }) {
    const { entities, snapshot } = base;
    this.#sealer = sealer;
    this.#previous = previous;
    this.#organisations = new BucketMapDraft(entities.organisation);
    this.#organisationFilters = new BucketMapDraft(snapshot.organisationFilters);
    this.#apiKeys = new BucketMapDraft(entities.apiKey);
    this.#keysByHash = new BucketMapDraft(snapshot.keysByHash);
    this.#mcpServers = new BucketMapDraft(entities.mcpServer);
    this.#servers = new NestedMapDraft(snapshot.servers);
    this.#accessGrants = new BucketMapDraft(entities.accessGrant);
    this.#grants = new NestedMapDraft(snapshot.grants);
    this.#policyConfigs = new BucketMapDraft(entities.policy);
    this.#policies = new BucketMapDraft(snapshot.policies);
    this.#limitConfigs = new BucketMapDraft(entities.limit);
    this.#limits = new BucketMapDraft(snapshot.limits);
    this.#credentials = new CredentialDraft(sealer, base);
    this.#agents = new AgentsDraft(base);
  }

  /** Throws a `ConfigFault` when the change does not fit; the builder is then worth nothing, and the older state is as it was. */
  apply(change: ConfigChange): void {
    if (change.op === 'upsert') this.#put(change);
    else this.#remove(change);
  }

  /** The builder must not be used afterwards. */
  finish(version: string): ConfigState {
    const organisations = this.#organisations.finish();
    const agents = this.#agents.finish();
    const apiKeys = this.#apiKeys.finish();
    return {
      entities: {
        organisation: organisations,
        apiKey: apiKeys,
        mcpServer: this.#mcpServers.finish(),
        accessGrant: this.#accessGrants.finish(),
        policy: this.#policyConfigs.finish(),
        limit: this.#limitConfigs.finish(),
        ...this.#credentials.entities(),
        agent: agents.entities,
      },
      snapshot: {
        version,
        organisations,
        organisationFilters: this.#organisationFilters.finish(),
        keys: apiKeys,
        keysByHash: this.#keysByHash.finish(),
        servers: this.#servers.finish(),
        grants: this.#grants.finish(),
        policies: this.#policies.finish(),
        limits: this.#limits.finish(),
        ...this.#credentials.snapshot(),
        agents: agents.byOrganisation,
      },
    };
  }

  #put(change: ConfigUpsert): void {
    switch (change.kind) {
      case 'organisation':
        return this.#putOrganisation(change.value);
      case 'apiKey':
        return this.#putKey(change.value);
      case 'mcpServer':
        return this.#putServer(change.value);
      case 'accessGrant':
        return this.#putGrant(change.value);
      case 'policy':
        return this.#putPolicy(change.value);
      case 'limit':
        return this.#putLimit(change.value);
      case 'upstreamToken':
      case 'installation':
        return this.#credentials.put(change);
      case 'agent':
        return this.#agents.put(change.value);
    }
  }

  #remove({ kind, id }: ConfigRemoval): void {
    switch (kind) {
      case 'organisation':
        this.#organisationFilters.delete(id);
        return this.#organisations.delete(id);
      case 'apiKey':
        return this.#removeKey(id);
      case 'mcpServer':
        return this.#removeServer(id);
      case 'accessGrant':
        return this.#removeGrant(id);
      case 'policy':
        return this.#removePolicy(id);
      case 'limit':
        return this.#removeLimit(id);
      case 'upstreamToken':
      case 'installation':
        return this.#credentials.remove(kind, id);
      case 'agent':
        return this.#agents.remove(id);
    }
  }

  #putOrganisation(organisation: OrganisationConfig): void {
    putOrganisationFilter(this.#organisationFilters, organisation);
    this.#organisations.set(organisation.id, organisation);
  }

  #putKey(key: ApiKey): void {
    this.#forgetHashes(this.#apiKeys.set(key.id, key));
    for (const { hash, validUntilMillis } of key.hashes) {
      const holder = this.#keysByHash.set(hash, { key, validUntilMillis });
      if (holder !== undefined) throw new ConfigFault(`apiKey ${key.id}: one of its hashes is that of ${holder.key.id}`);
    }
  }

  #removeKey(id: string): void {
    this.#forgetHashes(this.#apiKeys.get(id));
    this.#apiKeys.delete(id);
  }

  #forgetHashes(old: ApiKey | undefined): void {
    for (const { hash } of old?.hashes ?? []) this.#keysByHash.delete(hash);
  }

  #putServer(config: McpServer): void {
    const holder = this.#servers.get(config.organisationId, config.slug);
    if (holder !== undefined && holder.config.id !== config.id)
      throw new ConfigFault(`mcpServer ${config.id}: the slug ${config.slug} is taken by ${holder.config.id}`);
    const previous = this.#previous.snapshot.servers.get(config.organisationId)?.get(config.id);
    // A server that is as it was keeps its compiled form, and with it its warm processes and connections.
    const isUnchanged = previous !== undefined && isDeepStrictEqual(previous.config, config);
    const server = isUnchanged ? previous : compileServer(config, this.#sealer, previous);
    this.#removeServer(config.id);
    this.#mcpServers.set(config.id, server.config);
    this.#servers.set(config.organisationId, config.id, server);
    this.#servers.set(config.organisationId, config.slug, server);
  }

  #removeServer(id: string): void {
    const old = this.#mcpServers.get(id);
    if (old === undefined) return;
    this.#servers.delete(old.organisationId, old.slug);
    this.#servers.delete(old.organisationId, id);
    this.#mcpServers.delete(id);
  }

  #putGrant(grant: AccessGrant): void {
    this.#forgetPair(this.#accessGrants.set(grant.id, grant));
    this.#grants.set(grant.apiKeyId, grant.mcpServerId, grant);
  }

  #removeGrant(id: string): void {
    this.#forgetPair(this.#accessGrants.get(id));
    this.#accessGrants.delete(id);
  }

  #forgetPair(old: AccessGrant | undefined): void {
    if (old === undefined) return;
    // A later grant of the same pair may have taken its place already.
    if (this.#grants.get(old.apiKeyId, old.mcpServerId)?.id === old.id) this.#grants.delete(old.apiKeyId, old.mcpServerId);
  }

  #putPolicy(policy: PolicyConfig): void {
    this.#removePolicy(policy.id);
    this.#policyConfigs.set(policy.id, policy);
    this.#policies.set(policy.ownerId ?? GLOBAL_OWNER, compilePolicy(policy));
  }

  #removePolicy(id: string): void {
    const old = this.#policyConfigs.get(id);
    if (old === undefined) return;
    const owner = old.ownerId ?? GLOBAL_OWNER;
    if (this.#policies.get(owner)?.id === id) this.#policies.delete(owner);
    this.#policyConfigs.delete(id);
  }

  #putLimit(limit: Limit): void {
    this.#removeLimit(limit.id);
    this.#limitConfigs.set(limit.id, limit);
    const limits = [...(this.#limits.get(limit.ownerId) ?? []), limit];
    this.#limits.set(
      limit.ownerId,
      limits.toSorted((one, other) => (one.id < other.id ? -1 : 1)),
    );
  }

  #removeLimit(id: string): void {
    const old = this.#limitConfigs.get(id);
    if (old === undefined) return;
    const rest = (this.#limits.get(old.ownerId) ?? []).filter((limit) => limit.id !== id);
    if (rest.length === 0) this.#limits.delete(old.ownerId);
    else this.#limits.set(old.ownerId, rest);
    this.#limitConfigs.delete(id);
  }
}
